using NativeFl.Tensors;

namespace NativeFl.Tests.Tensors;

internal abstract class GradNormTests : OpTest
{
    private static readonly ParameterRange[] Ranges =
        [new(0, 1, 0), new(1, 7, 1), new(8, 0, 1), new(8, 40000, 2), new(40008, 64, 0, Decays: false), new(40072, 28, 4)];

    [Test]
    public void Forward_matches_reference()
    {
        float[] gradients = Sample.Normal(40100, 1);

        // Summed in double: only the norm itself is rounded.
        Agreement.Close(Norms(gradients, Ranges, 5), Reference.GradNorm.Forward(gradients.Wide(), Ranges, 5), Math.Pow(2, -24));
    }

    // A block of threads has 8,192 elements, and the last step adds up 256 blocks at a time: the largest has more.
    [Test]
    public void Buffers_of_any_size_match_the_reference([Values(1, 3, 64, 1021, 8192, 8194, 2_200_003)] int count)
    {
        float[] gradients = Sample.Normal(count, 1);
        ParameterRange[] ranges = [new(0, 1, 0), new(1, count - 1, 1)];
        Agreement.Close(Norms(gradients, ranges, 2), Reference.GradNorm.Forward(gradients.Wide(), ranges, 2), Math.Pow(2, -24));
    }

    [Test]
    public void A_segment_without_ranges_has_norm_zero()
    {
        Assert.That(Norms(Sample.Normal(40100, 1), Ranges, 5)[3], Is.Zero);
        Assert.That(Norms(Sample.Normal(4, 1), [], 2), Is.All.Zero);
    }

    [Test]
    public void Squares_beyond_f32_do_not_overflow() => Assert.That(Norms([3e30f, 4e30f], [new(0, 2, 0)], 1)[0], Is.EqualTo(5e30f));

    [Test]
    public void A_NaN_stays_in_its_segment()
    {
        float[] gradients = Sample.Normal(40100, 1);
        gradients[20000] = float.NaN;
        float[] norms = Norms(gradients, Ranges, 5);
        Assert.That(norms[2], Is.NaN);
        Assert.That(new[] { norms[0], norms[1], norms[4] }, Has.All.Not.NaN);
    }

    [Test]
    public void The_same_inputs_give_the_same_bits()
    {
        float[] gradients = Sample.Normal(50000, 1);
        ParameterRange[] ranges = [new(0, 20001, 0), new(20001, 29999, 1)];
        float[] first = Norms(gradients, ranges, 2);
        Assert.That(Norms(gradients, ranges, 2), Is.EqualTo(first));
    }

    [Test]
    public void Ranges_outside_the_buffer_are_refused()
    {
        Assert.Multiple(() =>
        {
            foreach (ParameterRange range in new ParameterRange[] { new(0, 5, 0), new(-1, 2, 0), new(3, 2, 0), new(0, 1, 1), new(long.MaxValue, 2, 0) })
                Assert.That(() => Norms(new float[4], [range], 1), Throws.ArgumentException.With.Message.Contains("ranges"));
        });
    }

    protected float[] Norms(float[] gradients, ParameterRange[] ranges, int segments)
    {
        TensorView norms = Unwritten(segments, 1);
        Backend.GradNorm(Upload(gradients, gradients.Length, 1), ranges, norms);
        return Download(norms);
    }
}
