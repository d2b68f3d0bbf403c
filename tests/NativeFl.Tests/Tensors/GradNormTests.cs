using NativeFl.Tensors;

namespace NativeFl.Tests.Tensors;

public sealed class GradNormTests
{
    private static readonly ParameterRange[] Ranges = [new(0, 1, 0), new(1, 7, 1), new(8, 0, 1), new(8, 40000, 2), new(40008, 64, 0, Decays: false), new(40072, 28, 4)];

    [Test]
    public void Forward_matches_reference()
    {
        float[] gradients = Sample.Normal(40100, 1);
        using var arena = new OpArena();

        // Summed in double: only the norm itself is rounded.
        Agreement.Close(Norms(arena, gradients, Ranges, 5), Reference.GradNorm.Forward(gradients.Wide(), Ranges, 5), Math.Pow(2, -24));
    }

    [Test]
    public void A_segment_without_ranges_has_norm_zero()
    {
        using var arena = new OpArena();
        Assert.That(Norms(arena, Sample.Normal(40100, 1), Ranges, 5)[3], Is.Zero);
    }

    [Test]
    public void Squares_beyond_f32_do_not_overflow()
    {
        using var arena = new OpArena();
        Assert.That(Norms(arena, [3e30f, 4e30f], [new(0, 2, 0)], 1)[0], Is.EqualTo(5e30f));
    }

    [Test]
    public void A_NaN_stays_in_its_segment()
    {
        float[] gradients = Sample.Normal(40100, 1);
        gradients[20000] = float.NaN;
        using var arena = new OpArena();
        float[] norms = Norms(arena, gradients, Ranges, 5);
        Assert.That(norms[2], Is.NaN);
        Assert.That(new[] { norms[0], norms[1], norms[4] }, Has.All.Not.NaN);
    }

    [Test]
    public void Results_do_not_depend_on_the_number_of_threads()
    {
        float[] gradients = Sample.Normal(300000, 1);
        Agreement.SameBitsOnAnyThreads(arena => Norms(arena, gradients, [new(0, 120001, 0), new(120001, 179999, 1)], 2));
    }

    [Test]
    public void Ranges_outside_the_buffer_are_refused()
    {
        using var arena = new OpArena();
        Assert.Multiple(() =>
        {
            foreach (ParameterRange range in new ParameterRange[] { new(0, 5, 0), new(-1, 2, 0), new(3, 2, 0), new(0, 1, 1), new(long.MaxValue, 2, 0) })
                Assert.That(() => Norms(arena, new float[4], [range], 1), Throws.ArgumentException.With.Message.Contains("ranges"));
        });
    }

    private static float[] Norms(OpArena arena, float[] gradients, ParameterRange[] ranges, int segments)
    {
        TensorView norms = arena.Unwritten(segments);
        arena.Backend.GradNorm(arena.Floats(gradients, gradients.Length, 1), ranges, norms);
        return arena.Read(norms);
    }
}
