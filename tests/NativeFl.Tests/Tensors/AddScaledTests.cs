using NativeFl.Tensors;

namespace NativeFl.Tests.Tensors;

public sealed class AddScaledTests
{
    [TestCase(1)]
    [TestCase(7)]
    [TestCase(64)]
    [TestCase(100)]
    [TestCase(100003)]
    public void Forward_matches_reference(int count)
    {
        (float[] x, float[] y) = (Sample.Normal(count, 1), Sample.Normal(count, 2));
        using var arena = new OpArena();
        TensorView result = arena.Floats(y, count, 1);
        arena.Backend.AddScaled(arena.Floats(x, count, 1), -0.7f, result);
        Agreement.Close(arena.Read(result), Reference.AddScaled.Forward(x.Wide(), -0.7f, y.Wide()), Tolerance.For(DType.F32, 1));
    }

    [Test]
    public void Results_do_not_depend_on_the_number_of_threads()
    {
        float[] x = Sample.Normal(100003, 1);
        Agreement.SameBitsOnAnyThreads(arena =>
        {
            TensorView y = arena.Floats(x, x.Length, 1);
            arena.Backend.AddScaled(arena.Floats(x, x.Length, 1), 0.3f, y);
            return arena.Read(y);
        });
    }

    [Test]
    public void Unequal_counts_are_refused()
    {
        using var arena = new OpArena();
        Assert.That(
            () => arena.Backend.AddScaled(arena.Unwritten(3), 1, arena.Unwritten(4)), Throws.ArgumentException.With.Message.Contains("x: expected 4 elements"));
    }
}
