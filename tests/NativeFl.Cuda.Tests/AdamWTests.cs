using NativeFl.Tensors;
using NativeFl.Tests;
using NativeFl.Tests.Tensors;
using Reference = NativeFl.Tests.Reference;

namespace NativeFl.Cuda.Tests;

internal sealed class AdamWTests : CudaTest
{
    private const int Count = 33000;

    private static readonly ParameterRange[] Ranges =
        [new(0, 1, 0), new(1, 7, 1), new(8, 32000, 0, Decays: false), new(32008, 0, 1), new(32008, Count - 32008, 2)];

    [Test]
    public void Several_steps_match_torch()
    {
        float[] start = Sample.Normal(Count, 1);
        double[] p = start.Wide(), m = new double[Count], v = new double[Count];
        State state = Make(start);
        for (int step = 1; step <= 6; step++)
        {
            float[] gradients = Sample.Normal(Count, (ulong)(100 + step));
            Reference.AdamW.Step(gradients.Wide(), Ranges, Segments(step), p, m, v);
            Step(state, gradients, Ranges, Segments(step));
        }

        // Every step rounds a handful of times.
        double bound = 6 * Tolerance.For(DType.F32, 4);
        float[] end = Download(state.P);
        Agreement.Close(end, p, bound, "parameters");
        Agreement.Close(Download(state.M), m, bound, "first moments");
        Agreement.Close(Download(state.V), v, bound, "second moments");

        // The change itself, which a tolerance on the parameters would hide behind their size: the sixth part of it is one step's.
        Agreement.Close([.. end.Zip(start, (a, b) => a - b)], [.. p.Zip(start, (a, b) => a - b)], 1e-3, "change");
    }

    // A block of threads has 8,192 elements; the second range starts off the alignment of vectors.
    [Test]
    public void Buffers_of_any_size_match_torch([Values(1, 3, 64, 1021, 8192, 8194, 250_007)] int count)
    {
        ParameterRange[] ranges = [new(0, 1, 0), new(1, count - 1, 1)];
        float[] start = Sample.Normal(count, 1);
        double[] p = start.Wide(), m = new double[count], v = new double[count];
        State state = Make(start);
        for (int step = 1; step <= 2; step++)
        {
            float[] gradients = Sample.Normal(count, (ulong)(100 + step));
            Reference.AdamW.Step(gradients.Wide(), ranges, Segments(step), p, m, v);
            Step(state, gradients, ranges, Segments(step));
        }

        double bound = 2 * Tolerance.For(DType.F32, 4);
        Agreement.Close(Download(state.P), p, bound, "parameters");
        Agreement.Close(Download(state.M), m, bound, "first moments");
        Agreement.Close(Download(state.V), v, bound, "second moments");
    }

    [Test]
    public void A_step_is_that_of_the_cpu_to_a_unit_in_the_last_place()
    {
        float[] start = Sample.Normal(Count, 1), gradients = Sample.Normal(Count, 2);
        State state = Make(start);
        Step(state, gradients, Ranges, Segments(3));
        using var cpu = new OpArena();
        TensorView p = cpu.Floats(start, Count, 1), m = cpu.Floats(new float[Count], Count, 1), v = cpu.Floats(new float[Count], Count, 1);
        TensorView g = cpu.Floats(gradients, Count, 1), norms = cpu.Unwritten(3);
        cpu.Backend.GradNorm(g, Ranges, norms);
        cpu.Backend.AdamW(g, norms, Ranges, Segments(3), p, m, v);
        Assert.That(Download(state.M), Is.EqualTo(cpu.Read(m)).Within(1).Ulps);
        Assert.That(Download(state.V), Is.EqualTo(cpu.Read(v)).Within(1).Ulps);
        Agreement.Close(Download(state.P), cpu.Read(p).Wide(), Math.Pow(2, -23));
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

    private static AdamWSegment[] Segments(int step) =>
        [new(step, 1e-2f, 0.1f, 1), new(step + 4, 3e-3f, 0, 0), new(step, 1e-2f, 0.01f, 1000, 0.8f, 0.99f, 1e-6f)];

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
