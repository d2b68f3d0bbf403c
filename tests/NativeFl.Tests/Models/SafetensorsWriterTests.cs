using CsCheck;
using NativeFl.Models;
using NativeFl.Tensors;
using NativeFl.Tests.Cli;

namespace NativeFl.Tests.Models;

public sealed class SafetensorsWriterTests
{
    [Test]
    public void What_is_written_is_read_again_rounded_to_the_declared_type()
    {
        Gen<(string Type, int Rows, int Columns, float[] Values)> tensor = Gen.Select(Gen.OneOf("F32", "BF16", "F16"), Gen.Int[0, 9], Gen.Int[1, 9])
            .SelectMany((type, rows, columns) => Gen.Float[-1000, 1000].Array[rows * columns].Select(values => (type, rows, columns, values)));
        using TemporaryFolder folder = new();
        Gen.Select(tensor.Array[0, 6], Gen.Int[1, 7]).Sample((tensors, piece) =>
        {
            SafetensorsDeclaration[] declarations = [.. tensors.Select((t, i) => new SafetensorsDeclaration($"tensor \"{i}\" é", t.Type, [t.Rows, t.Columns]))];
            using (SafetensorsWriter writer = SafetensorsWriter.Create(folder.At("x"), declarations, new Dictionary<string, string> { ["k\n"] = "\"v\"" }))
            {
                foreach ((_, _, _, float[] values) in tensors)
                {
                    for (int i = 0; i < values.Length; i += piece) writer.Write(values.AsSpan(i, Math.Min(piece, values.Length - i)));
                }

                writer.Complete();
            }

            using SafetensorsFile file = SafetensorsFile.Open(folder.At("x"));
            if (file.Metadata["k\n"] != "\"v\"" || file.Entries.Count != tensors.Length) return false;
            for (int i = 0; i < tensors.Length; i++)
            {
                float[] values = new float[tensors[i].Values.Length];
                file.Read(declarations[i].Name, 0, values);
                if (!values.SequenceEqual(tensors[i].Values.Select(v => Round(v, tensors[i].Type)))) return false;
            }

            return Directory.GetFiles(folder.Root).Length == 1;
        }, threads: 1);
    }

    [Test]
    public void Long_tensors_are_converted_piece_by_piece()
    {
        float[] values = [.. Enumerable.Range(0, 100_003).Select(i => (i * 0.37f) - 9000)], again = new float[values.Length];
        using TemporaryFolder folder = new();
        foreach (string type in (string[])["F32", "BF16", "F16"])
        {
            using (SafetensorsWriter writer = SafetensorsWriter.Create(folder.At("x"), [new SafetensorsDeclaration("a", type, [values.Length])]))
            {
                writer.Write(values);
                writer.Complete();
            }

            using SafetensorsFile file = SafetensorsFile.Open(folder.At("x"));
            file.Read("a", 0, again);
            Assert.That(again, Is.EqualTo(values.Select(v => Round(v, type))), type);
        }
    }

    [Test]
    public void Integers_are_written_between_floats()
    {
        using TemporaryFolder folder = new();
        SafetensorsDeclaration[] declarations = [new("i", "I64", [2]), new("n", "I32", [1]), new("empty", "I64", [0]), new("x", "F32", [1])];
        using (SafetensorsWriter writer = SafetensorsWriter.Create(folder.At("x"), declarations))
        {
            writer.WriteInt64([long.MinValue, -100]);
            Assert.That(() => writer.Write([1f]), Throws.ArgumentException);
            writer.WriteInt64([-7]);
            writer.Write([0.5f]);
            Assert.That(() => writer.Write([1f]), Throws.ArgumentException);
            writer.Complete();
        }

        using SafetensorsFile file = SafetensorsFile.Open(folder.At("x"));
        long[] i = new long[2], n = new long[1];
        file.ReadInt64("i", i);
        file.ReadInt64("n", n);
        Assert.That((i[0], i[1], n[0]), Is.EqualTo((long.MinValue, -100L, -7L)));
    }

    [Test]
    public void Spaces_bring_the_data_to_a_multiple_of_eight()
    {
        using TemporaryFolder folder = new();
        for (int length = 1; length < 20; length++)
        {
            using SafetensorsWriter writer = SafetensorsWriter.Create(folder.At("x"), [new SafetensorsDeclaration(new string('n', length), "F32", [1])]);
            writer.Write([1f]);
            writer.Complete();
            byte[] bytes = File.ReadAllBytes(folder.At("x"));
            Assert.That(bytes.Length % 8, Is.EqualTo(4));
            Assert.That(bytes[(Array.LastIndexOf(bytes, (byte)'}') + 1)..^4], Is.All.EqualTo((byte)' '));
        }
    }

    [Test]
    public void Without_completion_the_old_file_stays_and_nothing_else_does()
    {
        using TemporaryFolder folder = new();
        folder.Write("x", "old");
        using (SafetensorsWriter writer = SafetensorsWriter.Create(folder.At("x"), [new SafetensorsDeclaration("a", "F32", [2])]))
        {
            writer.Write([1f]);
            Assert.That(writer.Complete, Throws.InvalidOperationException.With.Message.Contains("a still lacks 1"));
            Assert.That(() => writer.Write([1f, 2f]), Throws.ArgumentException);
        }

        Assert.That(File.ReadAllText(folder.At("x")), Is.EqualTo("old"));
        Assert.That(Directory.GetFiles(folder.Root), Has.Length.EqualTo(1));
    }

    [Test]
    public void Declarations_that_make_no_file_are_refused()
    {
        using TemporaryFolder folder = new();
        Assert.Multiple(() =>
        {
            Assert.That(() => SafetensorsWriter.Create(folder.At("x"), [new("a", "F32", [1]), new("a", "F32", [1])]), Throws.ArgumentException);
            Assert.That(() => SafetensorsWriter.Create(folder.At("x"), [new("__metadata__", "F32", [1])]), Throws.ArgumentException);
            Assert.That(() => SafetensorsWriter.Create(folder.At("x"), [new("a", "F8", [1])]), Throws.ArgumentException);
            Assert.That(() => SafetensorsWriter.Create(folder.At("x"), [new("a", "F32", [-1])]), Throws.ArgumentException);
            Assert.That(() => SafetensorsWriter.Create(folder.At("none/x"), []), Throws.TypeOf<RunFailedException>().With.Message.Contains(folder.At("none/x")));
            Assert.That(Directory.GetFileSystemEntries(folder.Root), Is.Empty);
        });
    }

    private static float Round(float value, string type) => type switch
    {
        "BF16" => RoundBF16(value),
        "F16" => (float)(Half)value,
        _ => value,
    };

    // Eight significant binary digits, fewer where the smallest unit, 2^-133, sets the limit; exact in double.
    private static float RoundBF16(float value)
    {
        if (value == 0) return 0;
        double unit = Math.Pow(2, Math.Max(Math.Floor(Math.Log2(Math.Abs((double)value))) - 7, -133));
        return (float)(Math.Round(value / unit, MidpointRounding.ToEven) * unit);
    }
}
