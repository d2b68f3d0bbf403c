using NativeFl.Tensors;
using NativeFl.Tests;
using NativeFl.Tests.Tensors;
using Reference = NativeFl.Tests.Reference;

namespace NativeFl.Cuda.Tests;

internal sealed class RopeTests : CudaTest
{
    private static readonly (int Rows, int Heads, int Width)[] Shapes = [(1, 1, 2), (3, 2, 6), (16, 4, 32), (5, 3, 20), (4, 32, 64), (7, 9, 128)];

    [Test]
    public void Forward_and_backward_match_reference(
        [ValueSource(nameof(Shapes))] (int Rows, int Heads, int Width) shape, [Values(DType.F32, DType.BF16)] DType type)
    {
        float[] x = Stored(Sample.Normal(shape.Rows * shape.Heads * shape.Width, 1), type), frequencies = Frequencies(shape.Width);
        int[] positions = Sample.Integers(shape.Rows, 4096, 2);
        Agreement.Close(
            Rotate(type, positions, frequencies, x, backward: false),
            Reference.Rope.Forward(positions, frequencies.Wide(), x.Wide()), Tolerance.For(type, 2), "forward");
        Agreement.Close(
            Rotate(type, positions, frequencies, x, backward: true),
            Reference.Rope.Backward(positions, frequencies.Wide(), x.Wide()), Tolerance.For(type, 2), "backward");
    }

    [Test]
    public void Angles_stay_accurate_at_the_longest_positions()
    {
        int[] positions = [131071, 131072, 100003, 65537, 1 << 20];
        float[] frequencies = Frequencies(64), ones = [.. Enumerable.Repeat(1f, positions.Length * 64)];

        // Each result is cos ∓ sin of the exact angle: a few units in the last place of 1, whatever the position.
        float[] got = Rotate(DType.F32, positions, frequencies, ones, backward: false);
        double[] expected = Reference.Rope.Forward(positions, frequencies.Wide(), ones.Wide());
        for (int i = 0; i < got.Length; i++) Assert.That(got[i], Is.EqualTo(expected[i]).Within(4 * Math.Pow(2, -24)));
    }

    [Test]
    public void Position_zero_changes_nothing([Values(DType.F32, DType.BF16)] DType type)
    {
        float[] x = Stored(Sample.Normal(2 * 16, 1), type);
        Assert.That(Rotate(type, [0, 0], Frequencies(16), x, backward: false), Is.EqualTo(x));
    }

    [Test]
    public void Columns_that_are_no_heads_are_refused()
    {
        Assert.That(
            () => Rotate(DType.F32, [0], Frequencies(8), new float[12], backward: false), Throws.ArgumentException.With.Message.Contains("multiple of 8"));
    }

    private static float[] Frequencies(int width) => [.. Enumerable.Range(0, width / 2).Select(j => (float)Math.Pow(10000, -2.0 * j / width))];

    private float[] Rotate(DType type, int[] positions, float[] frequencies, float[] x, bool backward)
    {
        TensorView tensor = Upload(x, positions.Length, x.Length / positions.Length, type), p = UploadIntegers(positions);
        TensorView f = Upload(frequencies, frequencies.Length, 1);
        if (backward) Backend.RopeBackward(p, f, tensor);
        else Backend.RopeForward(p, f, tensor);
        return Download(tensor);
    }
}
