using NativeFl.Tensors;

namespace NativeFl.Tests.Tensors;

internal abstract class AdamWTests : OpTest
{
    protected const int Count = 33000;

    protected static readonly ParameterRange[] Ranges =
        [new(0, 1, 0), new(1, 7, 1), new(8, 32000, 0, Decays: false), new(32008, 0, 1), new(32008, Count - 32008, 2)];

    [Test]
    public void Several_steps_match_torch()
    {
        float[] start = Sample.Normal(Count, 1);
        (float[] end, double[] p) = AssertSteps(start, Ranges, 6);

        // The change itself, which a tolerance on the parameters would hide behind their size: the sixth part of it is one step's.
        Agreement.Close([.. end.Zip(start, (a, b) => a - b)], [.. p.Zip(start, (a, b) => a - b)], 1e-3, "change");
    }

    // A block of threads has 8,192 elements; the second range starts off the alignment of vectors.
    [Test]
    public void Buffers_of_any_size_match_torch([Values(1, 3, 64, 1021, 8192, 8194, 250_007)] int count) =>
        AssertSteps(Sample.Normal(count, 1), [new(0, 1, 0), new(1, count - 1, 1)], 2);

    [Test]
    public void The_first_step_is_the_learning_rate_against_the_sign()
    {
        State state = Make([1, 1, 1, 1]);
        Step(state, [0.5f, -2, 1e-3f, 0], [new(0, 4, 0)], [new(1, 0.01f, 0, 0)]);
        Agreement.Close(Download(state.P), [0.99, 1.01, 0.99 + 1e-7, 1], 1e-6);
    }

    [Test]
    public void Clipping_scales_to_the_given_norm()
    {
        float[] gradients = Sample.Normal(50, 1);
        double norm = Math.Sqrt(gradients.Sum(g => (double)g * g));
        State clipped = Make(new float[50]), scaled = Make(new float[50]);
        Step(clipped, gradients, [new(0, 50, 0)], [new(1, 0.1f, 0, 0.5f)]);
        Step(scaled, [.. gradients.Select(g => (float)(g * 0.5 / norm))], [new(0, 50, 0)], [new(1, 0.1f, 0, 0)]);
        Agreement.Close(Download(clipped.M), Download(scaled.M).Wide(), 1e-5, "first moments");
        Agreement.Close(Download(clipped.V), Download(scaled.V).Wide(), 1e-5, "second moments");
    }

    [Test]
    public void Buffers_off_the_alignment_of_vectors_give_the_same()
    {
        float[] start = Sample.Normal(101, 1), gradients = Sample.Normal(101, 2);
        State aligned = Make(start), shifted = Make(start);
        Step(aligned, gradients, [new(1, 100, 0)], [new(1, 0.1f, 0.1f, 1)]);
        Step(new State(shifted.P.Slice(1, 100), shifted.M.Slice(1, 100), shifted.V.Slice(1, 100)), gradients[1..], [new(0, 100, 0)], [new(1, 0.1f, 0.1f, 1)]);
        Assert.That(Download(shifted.P), Is.EqualTo(Download(aligned.P)));
    }

    [Test]
    public void A_segment_at_step_zero_is_untouched()
    {
        float[] start = Sample.Normal(8, 1);
        State state = Make(start);
        Step(state, Sample.Normal(8, 2), [new(0, 4, 0), new(4, 4, 1)], [new(0, 0.1f, 0.1f, 1), new(1, 0.1f, 0.1f, 1)]);
        Assert.That(Download(state.P)[..4], Is.EqualTo(start[..4]));
        Assert.That(Download(state.M)[..4], Is.All.Zero);
        Assert.That(Download(state.P)[4..], Is.Not.EqualTo(start[4..]));
    }

    [TestCase(float.NaN)]
    [TestCase(float.PositiveInfinity)]
    public void A_segment_that_diverged_is_untouched_and_spreads_nothing(float poison)
    {
        float[] start = Sample.Normal(40, 1), gradients = Sample.Normal(40, 2);
        AdamWSegment segment = new(3, 0.1f, 0.1f, 1);
        ParameterRange[] ranges = [new(0, 20, 0), new(20, 20, 1)];
        State clean = Make(start), dirty = Make(start);
        Step(clean, gradients, ranges, [segment, segment]);
        gradients[3] = poison;
        Step(dirty, gradients, ranges, [segment, segment]);
        Assert.That(Download(dirty.P)[..20], Is.EqualTo(start[..20]));
        Assert.That(Download(dirty.V)[..20], Is.All.Zero);
        Assert.That(Download(dirty.P)[20..], Is.EqualTo(Download(clean.P)[20..]));
    }

    protected static AdamWSegment[] Segments(int step) =>
        [new(step, 1e-2f, 0.1f, 1), new(step + 4, 3e-3f, 0, 0), new(step, 1e-2f, 0.01f, 1000, 0.8f, 0.99f, 1e-6f)];

    /// <summary>Parameters and both moments after one step of all segments.</summary>
    protected (float[] P, float[] M, float[] V) Step(float[] start, float[] gradients)
    {
        State state = Make(start);
        Step(state, gradients, Ranges, Segments(3));
        return (Download(state.P), Download(state.M), Download(state.V));
    }

    private (float[] Got, double[] Expected) AssertSteps(float[] start, ParameterRange[] ranges, int steps)
    {
        double[] p = start.Wide(), m = new double[p.Length], v = new double[p.Length];
        State state = Make(start);
        for (int step = 1; step <= steps; step++)
        {
            float[] gradients = Sample.Normal(start.Length, (ulong)(100 + step));
            Reference.AdamW.Step(gradients.Wide(), ranges, Segments(step), p, m, v);
            Step(state, gradients, ranges, Segments(step));
        }

        // Every step rounds a handful of times.
        double bound = steps * Tolerance.For(DType.F32, 4);
        float[] end = Download(state.P);
        Agreement.Close(end, p, bound, "parameters");
        Agreement.Close(Download(state.M), m, bound, "first moments");
        Agreement.Close(Download(state.V), v, bound, "second moments");
        return (end, p);
    }

    private State Make(float[] parameters) =>
        new(Upload(parameters, parameters.Length, 1), New(parameters.Length, 1), New(parameters.Length, 1));

    private void Step(State state, float[] gradients, ParameterRange[] ranges, AdamWSegment[] segments)
    {
        TensorView g = Upload(gradients, gradients.Length, 1), norms = Unwritten(segments.Length, 1);
        Backend.GradNorm(g, ranges, norms);
        Backend.AdamW(g, norms, ranges, segments, state.P, state.M, state.V);
    }

    private sealed record State(TensorView P, TensorView M, TensorView V);
}
