using System.Buffers.Binary;
using System.Text;
using CsCheck;
using NativeFl.Models;
using NativeFl.Tensors;
using NativeFl.Tests.Cli;

namespace NativeFl.Tests.Models;

public sealed class SafetensorsFileTests
{
    [Test]
    public void A_good_file_opens_and_gives_its_values()
    {
        byte[] data = new byte[20];
        for (int i = 0; i < 4; i++) BinaryPrimitives.WriteSingleLittleEndian(data.AsSpan(4 * i), i + 0.5f);
        BinaryPrimitives.WriteUInt16LittleEndian(data.AsSpan(16), 0x3F80);
        BinaryPrimitives.WriteUInt16LittleEndian(data.AsSpan(18), 0xC000);
        using TemporaryFolder folder = new();
        using SafetensorsFile file = SafetensorsFile.Open(folder.Write("x", RawSafetensors.File(Encoding.UTF8.GetBytes(RawSafetensors.GoodHeader), data)));
        float[] a = new float[3], b = new float[2];
        file.Read("a", 1, a);
        file.Read("b", 0, b);
        Assert.Multiple(() =>
        {
            Assert.That(a, Is.EqualTo(new[] { 1.5f, 2.5f, 3.5f }));
            Assert.That(b, Is.EqualTo(new[] { 1f, -2f }));
            Assert.That(file.Metadata["format"], Is.EqualTo("pt"));
            Assert.That(file.Entries["a"].Shape, Is.EqualTo(new long[] { 2, 2 }));
            Assert.That(file.Bytes("b", 2, 2).ToArray(), Is.EqualTo(new byte[] { 0x00, 0xC0 }));
            Assert.That(() => file.Read("a", 2, new float[3]), Throws.InstanceOf<ArgumentOutOfRangeException>());
            Assert.That(() => file.Read("c", 0, new float[1]), Refused("\"c\"", "no such tensor"));
            Assert.That(() => file.ReadInt64("a", new long[1]), Refused("\"a\"", "I64", "F32"));
        });
    }

    [Test]
    public void A_tensor_may_start_at_any_byte_and_may_be_empty()
    {
        const string Header =
            """{"flag":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"none":{"dtype":"F32","shape":[0,9000000000000000000],"data_offsets":[1,1]},"x":{"dtype":"F32","shape":[],"data_offsets":[1,5]},"y":{"dtype":"F64","shape":[1],"data_offsets":[5,13]}}   """;
        byte[] data = new byte[13];
        data[0] = 7;
        BinaryPrimitives.WriteSingleLittleEndian(data.AsSpan(1), -3);
        BinaryPrimitives.WriteDoubleLittleEndian(data.AsSpan(5), 0.25);
        using TemporaryFolder folder = new();
        using SafetensorsFile file = SafetensorsFile.Open(folder.Write("x", RawSafetensors.File(Encoding.UTF8.GetBytes(Header), data)));
        float[] x = new float[1], y = new float[1];
        long[] flag = new long[1];
        file.Read("x", 0, x);
        file.Read("y", 0, y);
        file.Read("none", 0, []);
        file.ReadInt64("flag", flag);
        Assert.That((x[0], y[0], flag[0]), Is.EqualTo((-3f, 0.25f, 7L)));
    }

    [Test]
    public void Token_ids_of_a_fixture_are_read_as_integers()
    {
        using SafetensorsFile file = SafetensorsFile.Open(ModelFixture.Folder("llama", "expected.safetensors"));
        long[] ids = new long[file.Entries["input_ids"].Count], labels = new long[ids.Length];
        file.ReadInt64("input_ids", ids);
        file.ReadInt64("labels", labels);
        Assert.That(ids, Is.All.InRange(0, 255));
        Assert.That(labels, Does.Contain(-100));
    }

    [Test]
    public void A_missing_file_or_a_folder_is_refused()
    {
        using TemporaryFolder folder = new();
        Assert.That(() => SafetensorsFile.Open(folder.At("none")), Refused(folder.At("none"), "no such file"));
        Assert.That(() => SafetensorsFile.Open(folder.Root), Refused(folder.Root));
    }

    [TestCase(0)]
    [TestCase(1)]
    [TestCase(7)]
    public void A_file_shorter_than_the_length_field_is_refused(int bytes) => AssertRefused(new byte[bytes], "8 bytes of header length", $"{bytes} bytes");

    [TestCase(0UL)]
    [TestCase(1000UL)]
    [TestCase(100_000_001UL)]
    [TestCase(1UL << 31)]
    [TestCase(1UL << 63)]
    [TestCase(ulong.MaxValue)]
    public void A_header_length_that_is_zero_or_beyond_the_file_is_refused(ulong length) =>
        AssertRefused(RawSafetensors.File(RawSafetensors.GoodHeader, 20, length), "header length from 1 to", $"{length}");

    [Test]
    public void A_header_beyond_100_MB_is_refused_though_the_file_is_that_long()
    {
        using TemporaryFolder folder = new();
        string path = folder.Write("x", RawSafetensors.File(RawSafetensors.GoodHeader, 20, 100_000_001));
        using (FileStream stream = new(path, FileMode.Open)) stream.SetLength(200_000_000);
        Assert.That(() => SafetensorsFile.Open(path), Refused(path, "header length from 1 to 100000000", "100000001"));
    }

    [Test]
    public void A_truncated_file_is_refused_wherever_it_ends()
    {
        byte[] whole = RawSafetensors.File(RawSafetensors.GoodHeader, 20);
        using TemporaryFolder folder = new();
        for (int length = 0; length < whole.Length; length++)
        {
            string path = folder.Write("x", whole[..length]);
            Assert.That(() => SafetensorsFile.Open(path), Refused(path), $"{length} of {whole.Length} bytes");
        }
    }

    [Test]
    public void Bytes_after_the_data_are_refused() =>
        AssertRefused(RawSafetensors.File(RawSafetensors.GoodHeader, 21), "20 bytes of data", "21 bytes");

    [Test]
    public void A_header_that_is_not_UTF8_is_refused()
    {
        byte[] header = Encoding.UTF8.GetBytes(RawSafetensors.GoodHeader);
        header[20] = 0xFF;
        AssertRefused(RawSafetensors.File(header, new byte[20]), "header in UTF-8", "not UTF-8");
    }

    [Test]
    public void A_header_that_nests_deeply_is_refused()
    {
        string deep = """{"a":""" + new string('[', 10_000) + new string(']', 10_000) + "}";
        AssertRefused(RawSafetensors.File(deep, 0), "\"a\"");
        AssertRefused(RawSafetensors.File("""{"a":{"dtype":""" + deep + "}}", 0), "\"a\"");
        AssertRefused(RawSafetensors.File("""{"__metadata__":""" + deep + "}", 0), "__metadata__");
    }

    [Test]
    public void Random_changes_of_a_good_file_are_refused_or_read()
    {
        byte[] good = RawSafetensors.File(RawSafetensors.GoodHeader, 20);
        byte[] letters = Encoding.ASCII.GetBytes("{}[]\":,0123456789-.eFBIUt \\\0\u007f");
        Gen<byte> value = Gen.OneOf(Gen.Byte, Gen.OneOf(letters));
        Gen<(int At, byte Value, int Kind)> change = Gen.Select(Gen.Int[0, good.Length - 1], value, Gen.Int[0, 2]);
        using TemporaryFolder folder = new();
        Gen.Select(change.Array[1, 4], Gen.Int[0, good.Length]).Sample((changes, cut) =>
        {
            List<byte> bytes = [.. good];
            foreach ((int at, byte b, int kind) in changes)
            {
                int position = Math.Min(at, bytes.Count - 1);
                if (kind == 0) bytes[position] = b;
                else if (kind == 1) bytes.Insert(position, b);
                else bytes.RemoveAt(position);
            }

            if (cut % 4 == 0) bytes.RemoveRange(Math.Min(cut, bytes.Count), bytes.Count - Math.Min(cut, bytes.Count));
            OpenAndReadAll(folder, [.. bytes]);
        }, iter: 3000, threads: 1);
    }

    internal static NUnit.Framework.Constraints.Constraint Refused(params string[] fragments)
    {
        NUnit.Framework.Constraints.Constraint message = Does.Not.Contain("\n");
        foreach (string fragment in fragments) message = message & Does.Contain(fragment);
        return Throws.TypeOf<InvalidInputException>().With.Message.Matches(message);
    }

    private static void AssertRefused(byte[] bytes, params string[] fragments)
    {
        using TemporaryFolder folder = new();
        string path = folder.Write("bad.safetensors", bytes);
        long before = GC.GetAllocatedBytesForCurrentThread();
        try
        {
            Assert.That(() => SafetensorsFile.Open(path), Refused([path, .. fragments]));
        }
        finally
        {
            Assert.That(GC.GetAllocatedBytesForCurrentThread() - before, Is.LessThan(4 << 20), "bytes allocated");
        }
    }

    private static void OpenAndReadAll(TemporaryFolder folder, byte[] bytes)
    {
        string path = folder.Write("x", bytes);
        long before = GC.GetAllocatedBytesForCurrentThread();
        try
        {
            using SafetensorsFile file = SafetensorsFile.Open(path);
            long read = 0;
            foreach (SafetensorsEntry entry in file.Entries.Values)
            {
                read += file.Bytes(entry.Name, 0, (int)entry.Bytes).Length;
                if (entry.DType is "F32" or "BF16" or "F16" or "F64") file.Read(entry.Name, 0, new float[entry.Count]);
            }

            int header = (int)BinaryPrimitives.ReadUInt64LittleEndian(bytes);
            if (read != bytes.Length - 8 - header) throw new InvalidOperationException("the tensors do not cover the file");
        }
        catch (InvalidInputException e) when (e.Message.Contains(path, StringComparison.Ordinal))
        {
        }

        if (GC.GetAllocatedBytesForCurrentThread() - before > 1 << 20) throw new InvalidOperationException("too much was allocated");
    }
}
