using CsCheck;

namespace NativeFl.Tests.Tokenization;

/// <summary>Random damage to valid bytes: overwritten, inserted, removed, repeated, cut short.</summary>
internal static class Mutation
{
    public static Gen<byte[]> Of(byte[] valid) =>
        Gen.Select(Gen.Int[0, 5], Gen.Int[0, valid.Length - 1], Gen.Int[0, 64], Gen.Byte, (kind, at, length, value) => Damage(valid, kind, at, length, value))
            .SelectMany(once => Gen.Select(Gen.Bool, Gen.Int[0, Math.Max(0, once.Length - 1)], Gen.Byte, (again, at, value) =>
                again && once.Length > 0 ? Damage(once, 0, at, 0, value) : once));

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
