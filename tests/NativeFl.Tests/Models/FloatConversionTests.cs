using CsCheck;
using NativeFl.Models;

namespace NativeFl.Tests.Models;

public sealed class FloatConversionTests
{
    // Lengths around the vector widths, so that loops and tails are both met.
    private static readonly int[] Lengths = [0, 1, 7, 8, 15, 16, 17, 31, 33, 65536];

    [TestCaseSource(nameof(Lengths))]
    public void Every_f16_widens_to_its_value(int length)
    {
        ushort[] bits = [.. Enumerable.Range(0, length).Select(i => (ushort)i)];
        float[] actual = new float[length];
        FloatConversion.WidenF16(bits, actual);
        Assert.That(actual.Select(x => (double)x), Is.EqualTo(bits.Select(ValueOfF16)));
    }

    [TestCaseSource(nameof(Lengths))]
    public void Every_bf16_widens_to_its_value(int length)
    {
        ushort[] bits = [.. Enumerable.Range(0, length).Select(i => (ushort)i)];
        float[] actual = new float[length];
        FloatConversion.WidenBF16(bits, actual);
        Assert.That(actual.Select(x => (double)x), Is.EqualTo(bits.Select(ValueOfBF16)));
    }

    [Test]
    public void Every_f16_and_bf16_survives_widening_and_narrowing()
    {
        ushort[] bits = [.. Enumerable.Range(0, 65536).Select(i => (ushort)i)], again = new ushort[65536];
        float[] wide = new float[65536];
        FloatConversion.WidenF16(bits, wide);
        FloatConversion.NarrowF16(wide, again);
        Assert.That(again.Where((b, i) => !double.IsNaN(ValueOfF16(bits[i])) && b != bits[i]), Is.Empty);
        Assert.That(again.Where((b, i) => double.IsNaN(ValueOfF16(bits[i])) != double.IsNaN(ValueOfF16(b))), Is.Empty);

        FloatConversion.WidenBF16(bits, wide);
        FloatConversion.NarrowBF16(wide, again);
        Assert.That(again.Where((b, i) => !double.IsNaN(ValueOfBF16(bits[i])) && b != bits[i]), Is.Empty);
        Assert.That(again.Where((b, i) => double.IsNaN(ValueOfBF16(bits[i])) != double.IsNaN(ValueOfBF16(b))), Is.Empty);
    }

    [Test]
    public void Narrowing_gives_the_nearest_value_and_the_even_one_of_two()
    {
        // Any bits, and the places where rounding changes: halves of the last digit that is kept, and one bit beside them.
        Gen<float> any = Gen.UInt.Select(BitConverter.UInt32BitsToSingle);
        Gen<float> edge16 = Gen.Select(Gen.UInt, Gen.Int[-1, 1], (u, d) => BitConverter.UInt32BitsToSingle((uint)(((u & 0xFFFF0000) | 0x8000) + d)));
        Gen<float> edge13 = Gen.Select(Gen.Int[-27, 17], Gen.UInt, Gen.Int[-1, 1], (e, u, d) =>
            BitConverter.UInt32BitsToSingle((uint)(((uint)(127 + e) << 23) + ((u & 0x3FF) << 13) + 0x1000 + d)));
        Gen.OneOf(any, edge16, edge13).Array[40].Sample(values =>
        {
            ushort[] bf16 = new ushort[values.Length], f16 = new ushort[values.Length];
            FloatConversion.NarrowBF16(values, bf16);
            FloatConversion.NarrowF16(values, f16);
            for (int i = 0; i < values.Length; i++)
            {
                if (!IsNearest(values[i], bf16[i], ValueOfBF16) || !IsNearest(values[i], f16[i], ValueOfF16)) return false;
            }

            return true;
        });
    }

    [Test]
    public void F64_is_rounded_to_f32()
    {
        double[] values = [0, -1.5, 1e300, double.NaN, 1 + 1e-12];
        float[] actual = new float[5];
        FloatConversion.WidenF64(values, actual);
        Assert.That(actual, Is.EqualTo(new[] { 0f, -1.5f, float.PositiveInfinity, float.NaN, 1f }));
    }

    // The value of x beyond the largest finite number is rounded as if the exponent had no end: past halfway it is infinite.
    private static bool IsNearest(float x, ushort got, Func<ushort, double> valueOf)
    {
        double y = valueOf(got);
        if (float.IsNaN(x) || double.IsNaN(y)) return float.IsNaN(x) && double.IsNaN(y);
        if (double.IsNegative(y) != float.IsNegative(x)) return false;
        double size = Math.Abs((double)x), chosen = Beyond(got, valueOf, 0), error = Math.Abs(size - chosen);
        if (double.IsInfinity(size)) return double.IsInfinity(y);
        double above = double.IsInfinity(y) ? double.PositiveInfinity : Math.Abs(size - Beyond(got, valueOf, 1));
        double below = (got & 0x7FFF) == 0 ? double.PositiveInfinity : Math.Abs(size - Beyond(got, valueOf, -1));
        double other = Math.Min(above, below);
        return error < other || (error == other && got % 2 == 0) || (double.IsInfinity(y) && size > chosen);
    }

    private static double Beyond(ushort bits, Func<ushort, double> valueOf, int steps)
    {
        ushort size = (ushort)((bits & 0x7FFF) + steps);
        double value = valueOf(size);
        return double.IsInfinity(value) ? (2 * valueOf((ushort)(size - 1))) - valueOf((ushort)(size - 2)) : value;
    }

    private static double ValueOfF16(ushort bits) => Value(bits, 5, 10);

    private static double ValueOfBF16(ushort bits) => Value(bits, 8, 7);

    // IEEE 754, from the definition.
    private static double Value(ushort bits, int exponentBits, int fractionBits)
    {
        int exponent = (bits >> fractionBits) & ((1 << exponentBits) - 1), bias = (1 << (exponentBits - 1)) - 1;
        double fraction = (bits & ((1 << fractionBits) - 1)) / (double)(1 << fractionBits), sign = bits >= 0x8000 ? -1 : 1;
        if (exponent == (1 << exponentBits) - 1) return fraction == 0 ? sign * double.PositiveInfinity : double.NaN;
        return exponent == 0 ? sign * fraction * Math.Pow(2, 1 - bias) : sign * (1 + fraction) * Math.Pow(2, exponent - bias);
    }
}
