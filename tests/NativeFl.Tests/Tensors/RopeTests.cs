using NativeFl.Tensors;

namespace NativeFl.Tests.Tensors;

internal abstract class RopeTests(DType type) : OpTest
{
    private static readonly (int Rows, int Heads, int Width)[] Shapes = [(1, 1, 2), (3, 2, 6), (16, 4, 32), (5, 3, 20), (4, 32, 64), (7, 9, 128)];

    [TestCaseSource(nameof(Shapes))]
    public void Forward_and_backward_match_reference((int Rows, int Heads, int Width) shape)
    {
        float[] x = Stored(Sample.Normal(shape.Rows * shape.Heads * shape.Width, 1), type), frequencies = Frequencies(shape.Width);
        int[] positions = Sample.Integers(shape.Rows, 4096, 2);
        Agreement.Close(
            Rotate(positions, frequencies, x), Reference.Rope.Forward(positions, frequencies.Wide(), x.Wide()), Tolerance.For(type, 2), "forward");
        Agreement.Close(
            Rotate(positions, frequencies, x, backward: true), Reference.Rope.Backward(positions, frequencies.Wide(), x.Wide()), Tolerance.For(type, 2), "backward");
    }

    [Test]
    public void Angles_stay_accurate_at_the_longest_positions()
    {
        int[] positions = [131071, 131072, 100003, 65537, 1 << 20];
        float[] frequencies = Frequencies(64), ones = [.. Enumerable.Repeat(1f, positions.Length * 64)];

        // Each result is cos ∓ sin of the exact angle: a few units in the last place of 1, whatever the position, and one rounding to its type.
        float[] got = Rotate(positions, frequencies, ones);
        double[] expected = Reference.Rope.Forward(positions, frequencies.Wide(), ones.Wide());
        double rounding = type == DType.BF16 ? Math.ScaleB(1, -8) : 0;
        for (int i = 0; i < got.Length; i++) Assert.That(got[i], Is.EqualTo(expected[i]).Within((4 * Math.ScaleB(1, -24)) + (rounding * Math.Abs(expected[i]))));
    }

    [Test]
    public void Backward_undoes_forward()
    {
        float[] x = Stored(Sample.Normal(9 * 48, 1), type), frequencies = Frequencies(24);
        int[] positions = Sample.Integers(9, 100000, 2);
        float[] there = Rotate(positions, frequencies, x);
        Assert.That(there, Is.Not.EqualTo(x));
        Agreement.Close(Rotate(positions, frequencies, there, backward: true), x.Wide(), Tolerance.For(type, 4));
    }

    [Test]
    public void Position_zero_changes_nothing()
    {
        float[] x = Stored(Sample.Normal(2 * 16, 1), type);
        Assert.That(Rotate([0, 0], Frequencies(16), x), Is.EqualTo(x));
    }

    [Test]
    public void Queries_and_keys_together_have_the_bits_of_one_after_the_other(
        [ValueSource(nameof(Shapes))] (int Rows, int Heads, int Width) shape, [Values] bool backward)
    {
        int keyHeads = (shape.Heads + 1) / 2;
        float[] q = Stored(Sample.Normal(shape.Rows * shape.Heads * shape.Width, 1), type), k = Stored(Sample.Normal(shape.Rows * keyHeads * shape.Width, 3), type);
        float[] frequencies = Frequencies(shape.Width);
        int[] positions = Sample.Integers(shape.Rows, 4096, 2);
        TensorView queries = Upload(q, shape.Rows, shape.Heads * shape.Width, type), keys = Upload(k, shape.Rows, keyHeads * shape.Width, type);
        TensorView p = UploadIntegers(positions), f = Upload(frequencies, frequencies.Length, 1);
        if (backward) Backend.RopeBackward(p, f, queries, keys);
        else Backend.RopeForward(p, f, queries, keys);
        Assert.That(Download(queries), Is.EqualTo(Rotate(positions, frequencies, q, backward)));
        Assert.That(Download(keys), Is.EqualTo(Rotate(positions, frequencies, k, backward)));
    }

    [Test]
    public void Columns_that_are_no_heads_are_refused() => Assert.That(
        () => Rotate([0], Frequencies(8), new float[12]), Throws.ArgumentException.With.Message.Contains("multiple of 8"));

    protected static float[] Frequencies(int width) => [.. Enumerable.Range(0, width / 2).Select(j => (float)Math.Pow(10000, -2.0 * j / width))];

    protected float[] Rotate(int[] positions, float[] frequencies, float[] x, bool backward = false)
    {
        TensorView tensor = Upload(x, positions.Length, x.Length / positions.Length, type), p = UploadIntegers(positions);
        TensorView f = Upload(frequencies, frequencies.Length, 1);
        if (backward) Backend.RopeBackward(p, f, tensor);
        else Backend.RopeForward(p, f, tensor);
        return Download(tensor);
    }
}
