using NativeFl.Tensors;
using NativeFl.Tensors.Cpu;

namespace NativeFl.Tests.Tensors;

public sealed class CopyTests
{
    [Test]
    public void Narrowing_rounds_to_nearest_with_ties_to_even([Values(1, 16, 37)] int copies)
    {
        (float Value, ushort Expected)[] cases =
        [
            (1f, 0x3F80), (-2.5f, 0xC020), (0f, 0x0000), (-0f, 0x8000), (float.PositiveInfinity, 0x7F80),
            (BitConverter.UInt32BitsToSingle(0x3F808000), 0x3F80), // a tie, down to even
            (BitConverter.UInt32BitsToSingle(0x3F818000), 0x3F82), // a tie, up to even
            (BitConverter.UInt32BitsToSingle(0x3F808001), 0x3F81), // just above a tie
            (float.MaxValue, 0x7F80), (float.Epsilon, 0x0000), (BitConverter.UInt32BitsToSingle(0x7F800001), 0x7FC0),
            (BitConverter.UInt32BitsToSingle(0xFFFFFFFF), 0xFFFF),
        ];
        using var bench = new TensorBench();
        int count = cases.Length * copies;
        TensorView wide = bench.Empty(1, count), narrow = bench.Empty(1, count, DType.BF16);
        for (int i = 0; i < count; i++) wide.AsSpan<float>()[i] = cases[i % cases.Length].Value;
        bench.Backend.Copy(wide, narrow);
        for (int i = 0; i < count; i++)
        {
            Assert.That(narrow.AsSpan<ushort>()[i], Is.EqualTo(cases[i % cases.Length].Expected), $"{cases[i % cases.Length].Value:R}");
            Assert.That(Bf16.Round(cases[i % cases.Length].Value), Is.EqualTo(cases[i % cases.Length].Expected));
        }
    }

    [Test]
    public void Every_bf16_survives_widening_and_narrowing()
    {
        using var bench = new TensorBench();
        TensorView narrow = bench.Empty(1, 65536, DType.BF16), wide = bench.Empty(1, 65536), back = bench.Empty(1, 65536, DType.BF16);
        for (int i = 0; i < 65536; i++) narrow.AsSpan<ushort>()[i] = (ushort)i;
        bench.Backend.Copy(narrow, wide);
        bench.Backend.Copy(wide, back);
        for (int i = 0; i < 65536; i++)
        {
            bool isSignallingNaN = (i & 0x7F80) == 0x7F80 && (i & 0x7F) is > 0 and < 0x40;
            Assert.That(wide.AsSpan<float>()[i], Is.EqualTo(BitConverter.UInt32BitsToSingle((uint)i << 16)));
            Assert.That(back.AsSpan<ushort>()[i], Is.EqualTo(isSignallingNaN ? i | 0x40 : i));
        }
    }

    [Test]
    public void Long_tensors_are_copied_and_filled_to_the_last_element([Values(1, 2, 3)] int threads)
    {
        const int Count = (3 << 18) + 5;
        using var bench = new TensorBench(threads);
        TensorView x = bench.Tensor(bench.Random(Count), 1, Count), y = bench.Empty(1, Count), narrow = bench.Empty(1, Count, DType.BF16);
        bench.Backend.Copy(x, y);
        Assert.That(x.AsSpan<float>().SequenceEqual(y.AsSpan<float>()), Is.True);
        bench.Backend.Fill(1.5f, y);
        bench.Backend.Fill(1.5f, narrow);
        Assert.That(y.AsSpan<float>().IndexOfAnyExcept(1.5f), Is.EqualTo(-1));
        Assert.That(narrow.AsSpan<ushort>().IndexOfAnyExcept((ushort)0x3FC0), Is.EqualTo(-1));
    }

    [Test]
    public void A_wrong_count_is_named()
    {
        using var bench = new TensorBench();
        Assert.That(
            () => bench.Backend.Copy(bench.Empty(2, 3), bench.Empty(2, 2)),
            Throws.ArgumentException.With.Message.Contains("expected 6 elements, got (2, 2)"));
        Assert.That(() => bench.Backend.Fill(1, bench.Empty(2, 3, DType.I32)), Throws.ArgumentException.With.Message.Contains("I32"));
    }
}
