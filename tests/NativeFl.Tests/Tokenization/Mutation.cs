using System.Text;
using System.Text.Json;
using CsCheck;

namespace NativeFl.Tests.Tokenization;

/// <summary>Random damage to valid files.</summary>
internal static class Mutation
{
    private static readonly string[] Strangers =
    [
        "null", "true", "0", "-1", "1.5", "1e999", "2147483647", "99999999999999999999", "\"\"", "\"x\"", "\"\\ud800\"", "\"a\\nb\"", "[]", "{}", "[[]]", "[null]",
    ];

    /// <summary>Bytes overwritten, inserted, removed, repeated, cut short.</summary>
    public static Gen<byte[]> Of(byte[] valid) =>
        Gen.Select(Gen.Int[0, 5], Gen.Int[0, valid.Length - 1], Gen.Int[0, 64], Gen.Byte, (kind, at, length, value) => Damage(valid, kind, at, length, value))
            .SelectMany(once => Gen.Select(Gen.Bool, Gen.Int[0, Math.Max(0, once.Length - 1)], Gen.Byte, (again, at, value) =>
                again && once.Length > 0 ? Damage(once, 0, at, 0, value) : once));

    /// <summary>Such damage, or JSON still: one value in the place of another, from elsewhere in the file or from nowhere.</summary>
    public static Gen<byte[]> OfJson(string valid)
    {
        byte[] bytes = Encoding.UTF8.GetBytes(valid);
        (int Start, int End)[] values = Values(bytes);
        byte[][] others = [.. values.Select(v => bytes[v.Start..v.End]), .. Strangers.Select(Encoding.UTF8.GetBytes)];
        Gen<byte[]> exchanged = Gen.Select(
            Gen.Int[0, values.Length - 1], Gen.Int[0, others.Length - 1], (at, other) => (byte[])[.. bytes[..values[at].Start], .. others[other], .. bytes[values[at].End..]]);
        return Gen.OneOf(Of(bytes), exchanged);
    }

    private static (int Start, int End)[] Values(byte[] json)
    {
        List<(int, int)> values = [];
        var reader = new Utf8JsonReader(json);
        while (reader.Read())
        {
            if (reader.TokenType is JsonTokenType.PropertyName or JsonTokenType.EndObject or JsonTokenType.EndArray) continue;
            Utf8JsonReader whole = reader;
            whole.Skip();
            values.Add(((int)reader.TokenStartIndex, (int)whole.BytesConsumed));
        }

        return [.. values];
    }

    private static byte[] Damage(byte[] bytes, int kind, int at, int length, byte value)
    {
        int end = Math.Min(bytes.Length, at + length);
        return kind switch
        {
            0 => [.. bytes[..at], value, .. bytes[Math.Min(at + 1, bytes.Length)..]],
            1 => [.. bytes[..at], value, .. bytes[at..]],
            2 => [.. bytes[..at], .. bytes[end..]],
            3 => [.. bytes[..end], .. bytes[at..]],
            4 => bytes[..at],
            _ => [.. bytes[..at], (byte)"0123456789-.eE\"{}[],:"[value % 21], .. bytes[Math.Min(at + 1, bytes.Length)..]],
        };
    }
}
