using NativeFl.Tensors;

namespace NativeFl.Tests.Tensors;

public sealed class RopeTests
{
    private static readonly (int Rows, int Heads, int Width)[] Shapes = [(1, 1, 2), (3, 2, 6), (16, 4, 32), (5, 3, 20), (40, 32, 64), (7, 8, 128)];

    [TestCaseSource(nameof(Shapes))]
    public void Forward_and_backward_match_reference((int Rows, int Heads, int Width) shape)
    {
        float[] x = Sample.Normal(shape.Rows * shape.Heads * shape.Width, 1), frequencies = Frequencies(shape.Width);
        int[] positions = Sample.Integers(shape.Rows, 4096, 2);
        using var arena = new OpArena();
        Agreement.Close(
            Rotate(arena, positions, frequencies, x, backward: false),
            Reference.Rope.Forward(positions, frequencies.Wide(), x.Wide()), Tolerance.For(DType.F32, 2), "forward");
        Agreement.Close(
            Rotate(arena, positions, frequencies, x, backward: true),
            Reference.Rope.Backward(positions, frequencies.Wide(), x.Wide()), Tolerance.For(DType.F32, 2), "backward");
    }

    [Test]
    public void Reference_backward_matches_finite_differences()
    {
        int[] positions = [0, 3, 11];
        double[] frequencies = [1, 0.3], x = Sample.Normal(3 * 8, 1).Wide(), weights = Sample.Normal(3 * 8, 2).Wide();
        double[] Output() => Reference.Rope.Forward(positions, frequencies, x);
        Agreement.CloseToDifferences(Reference.Rope.Backward(positions, frequencies, weights), Reference.FiniteDifference.Gradient(x, weights, Output));
    }

    [Test]
    public void Angles_stay_accurate_at_the_longest_positions()
    {
        int[] positions = [131071, 131072, 100003, 65537, 1 << 20];
        float[] frequencies = Frequencies(64), ones = [.. Enumerable.Repeat(1f, positions.Length * 64)];
        using var arena = new OpArena();

        // Each result is cos ∓ sin of the exact angle: a few units in the last place of 1, whatever the position.
        float[] got = Rotate(arena, positions, frequencies, ones, backward: false);
        double[] expected = Reference.Rope.Forward(positions, frequencies.Wide(), ones.Wide());
        for (int i = 0; i < got.Length; i++) Assert.That(got[i], Is.EqualTo(expected[i]).Within(4 * Math.Pow(2, -24)));
    }

    [Test]
    public void Backward_undoes_forward()
    {
        float[] x = Sample.Normal(9 * 48, 1), frequencies = Frequencies(24);
        int[] positions = Sample.Integers(9, 100000, 2);
        using var arena = new OpArena();
        float[] there = Rotate(arena, positions, frequencies, x, backward: false);
        Assert.That(there, Is.Not.EqualTo(x));
        Agreement.Close(Rotate(arena, positions, frequencies, there, backward: true), x.Wide(), Tolerance.For(DType.F32, 4));
    }

    [Test]
    public void Position_zero_changes_nothing()
    {
        float[] x = Sample.Normal(2 * 16, 1);
        using var arena = new OpArena();
        Assert.That(Rotate(arena, [0, 0], Frequencies(16), x, backward: false), Is.EqualTo(x));
    }

    [Test]
    public void Results_do_not_depend_on_the_number_of_threads()
    {
        float[] x = Sample.Normal(600 * 96, 1);
        int[] positions = [.. Enumerable.Range(0, 600).Select(i => i % 300)];
        Agreement.SameBitsOnAnyThreads(arena => Rotate(arena, positions, Frequencies(32), x, backward: false));
    }

    [Test]
    public void Columns_that_are_no_heads_are_refused()
    {
        using var arena = new OpArena();
        Assert.That(() => Rotate(arena, [0], Frequencies(8), new float[12], backward: false), Throws.ArgumentException.With.Message.Contains("multiple of 8"));
    }

    private static float[] Frequencies(int width) => [.. Enumerable.Range(0, width / 2).Select(j => (float)Math.Pow(10000, -2.0 * j / width))];

    private static float[] Rotate(OpArena arena, int[] positions, float[] frequencies, float[] x, bool backward)
    {
        TensorView tensor = arena.Floats(x, positions.Length, x.Length / positions.Length), p = arena.Integers(positions);
        TensorView f = arena.Floats(frequencies, frequencies.Length, 1);
        if (backward) arena.Backend.RopeBackward(p, f, tensor);
        else arena.Backend.RopeForward(p, f, tensor);
        return arena.Read(tensor);
    }
}
