using NativeFl.Tensors;

namespace NativeFl.Tests.Tensors;

public sealed class PackTests
{
    private static readonly (int Out, int In)[] Shapes = [(1, 1), (31, 5), (32, 64), (33, 65), (100, 7), (2, 300), (70, 129), (288, 288)];

    [Test]
    public void Unpacking_gives_back_what_was_packed(
        [ValueSource(nameof(Shapes))] (int Out, int In) shape, [Values(DType.F32, DType.BF16)] DType dtype,
        [Values(512, 256, 128)] int bits)
    {
        using var bench = new TensorBench(2, bits);
        float[] w = bench.Random(shape.Out * shape.In);
        Assert.That(bench.Unpacked(bench.Packed(w, shape.Out, shape.In, dtype)), Is.EqualTo(TensorBench.Stored(w, dtype)));
    }

    [Test]
    public void Rows_can_be_packed_and_unpacked_in_any_pieces([Values(DType.F32, DType.BF16)] DType dtype, [Values(512, 256)] int bits)
    {
        (int outputs, int inputs) = (77, 41);
        using var bench = new TensorBench(2, bits);
        float[] w = bench.Random(outputs * inputs), stored = TensorBench.Stored(w, dtype);
        TensorView rows = bench.Tensor(w, outputs, inputs);
        PackedMatrix packed = bench.Packed(new float[outputs * inputs], outputs, inputs, dtype);
        foreach ((int first, int count) in new[] { (40, 37), (0, 3), (3, 1), (4, 36), (4, 0) })
            bench.Backend.Pack(rows.Slice(first, count), first, packed);
        Assert.That(bench.Unpacked(packed), Is.EqualTo(stored));

        foreach ((int first, int count) in new[] { (0, 1), (31, 2), (76, 1), (5, 60), (32, 32) })
        {
            TensorView part = bench.Empty(count, inputs);
            bench.Backend.Unpack(packed, first, part);
            Assert.That(TensorBench.Values(part), Is.EqualTo(stored[(first * inputs)..((first + count) * inputs)]));
        }
    }

    [Test]
    public void Stored_bits_survive_a_round_trip_through_bf16_rows([Values(1, 50)] int count)
    {
        using var bench = new TensorBench();
        (int outputs, int inputs) = (50, 40);
        PackedMatrix packed = bench.Packed(bench.Random(outputs * inputs), outputs, inputs, DType.BF16);
        TensorView rows = bench.Empty(count, inputs, DType.BF16), wide = bench.Empty(count, inputs);
        bench.Backend.Unpack(packed, 0, rows);
        bench.Backend.Copy(rows, wide);
        Assert.That(TensorBench.Values(wide), Is.EqualTo(bench.Unpacked(packed)[..(count * inputs)]));
        PackedMatrix again = bench.Packed(new float[outputs * inputs], outputs, inputs, DType.BF16);
        bench.Backend.Pack(rows, 0, again);
        Assert.That(bench.Unpacked(again)[..(count * inputs)], Is.EqualTo(TensorBench.Values(wide)));
    }

    [Test]
    public void Packed_bytes_hold_the_matrix_and_at_most_a_panel_more([Values(DType.F32, DType.BF16)] DType dtype)
    {
        using var bench = new TensorBench();
        Assert.That(bench.Backend.PackedBytes(64, 10, dtype), Is.EqualTo(64 * 10 * dtype.Size()));
        Assert.That(bench.Backend.PackedBytes(33, 10, dtype), Is.InRange(33 * 10 * dtype.Size(), 64 * 10 * dtype.Size()));
        Assert.That(() => bench.Backend.PackedBytes(4, 4, DType.I32), Throws.ArgumentException);
    }

    [Test]
    public void A_wrong_shape_is_named()
    {
        using var bench = new TensorBench();
        PackedMatrix packed = bench.Packed(bench.Random(12), 4, 3, DType.F32);
        Assert.That(
            () => bench.Backend.Pack(bench.Empty(2, 4), 0, packed), Throws.ArgumentException.With.Message.Contains("rows: expected F32 (2, 3)"));
        Assert.That(() => bench.Backend.Pack(bench.Empty(2, 3), 3, packed), Throws.ArgumentException.With.Message.Contains("got 3..5"));
        Assert.That(() => bench.Backend.Unpack(packed, -1, bench.Empty(2, 3)), Throws.ArgumentException.With.Message.Contains("got -1..1"));
        Assert.That(() => bench.Backend.Unpack(default, 0, bench.Empty(2, 3)), Throws.ArgumentException.With.Message.Contains("got none"));
    }
}
