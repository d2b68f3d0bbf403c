using NativeFl.Tensors;

namespace NativeFl.Tests.Tensors;

public sealed class AdamWTests
{
    private const int Count = 33000;

    private static readonly ParameterRange[] Ranges = [new(0, 1, 0), new(1, 7, 1), new(8, 32000, 0, Decays: false), new(32008, Count - 32008, 2)];

    [Test]
    public void Several_steps_match_torch()
    {
        float[] start = Sample.Normal(Count, 1);
        double[] p = start.Wide(), m = new double[Count], v = new double[Count];
        using var arena = new OpArena();
        State state = State.Make(arena, start);
        for (int step = 1; step <= 6; step++)
        {
            float[] gradients = Sample.Normal(Count, (ulong)(100 + step));
            AdamWSegment[] segments = Segments(step);
            Reference.AdamW.Step(gradients.Wide(), Ranges, segments, p, m, v);
            state.Step(arena, gradients, Ranges, segments);
        }

        // Every step rounds a handful of times.
        double bound = 6 * Tolerance.For(DType.F32, 4);
        Agreement.Close(arena.Read(state.P), p, bound, "parameters");
        Agreement.Close(arena.Read(state.M), m, bound, "first moments");
        Agreement.Close(arena.Read(state.V), v, bound, "second moments");

        // The change itself, which a tolerance on the parameters would hide behind their size: the sixth part of it is one step's.
        float[] end = arena.Read(state.P);
        Agreement.Close([.. end.Zip(start, (a, b) => a - b)], [.. p.Zip(start, (a, b) => a - b)], 1e-3, "change");
    }

    [Test]
    public void The_first_step_is_the_learning_rate_against_the_sign()
    {
        using var arena = new OpArena();
        State state = State.Make(arena, [1, 1, 1, 1]);
        state.Step(arena, [0.5f, -2, 1e-3f, 0], [new(0, 4, 0)], [new(1, 0.01f, 0, 0)]);
        Agreement.Close(arena.Read(state.P), [0.99, 1.01, 0.99 + 1e-7, 1], 1e-6);
    }

    [Test]
    public void Clipping_scales_to_the_given_norm()
    {
        float[] gradients = Sample.Normal(50, 1);
        double norm = Math.Sqrt(gradients.Sum(g => (double)g * g));
        using var arena = new OpArena();
        State clipped = State.Make(arena, new float[50]), scaled = State.Make(arena, new float[50]);
        clipped.Step(arena, gradients, [new(0, 50, 0)], [new(1, 0.1f, 0, 0.5f)]);
        scaled.Step(arena, [.. gradients.Select(g => (float)(g * 0.5 / norm))], [new(0, 50, 0)], [new(1, 0.1f, 0, 0)]);
        Agreement.Close(arena.Read(clipped.M), arena.Read(scaled.M).Wide(), 1e-5, "first moments");
        Agreement.Close(arena.Read(clipped.V), arena.Read(scaled.V).Wide(), 1e-5, "second moments");
    }

    [Test]
    public void A_segment_at_step_zero_is_untouched()
    {
        float[] start = Sample.Normal(8, 1);
        using var arena = new OpArena();
        State state = State.Make(arena, start);
        state.Step(arena, Sample.Normal(8, 2), [new(0, 4, 0), new(4, 4, 1)], [new(0, 0.1f, 0.1f, 1), new(1, 0.1f, 0.1f, 1)]);
        Assert.That(arena.Read(state.P)[..4], Is.EqualTo(start[..4]));
        Assert.That(arena.Read(state.M)[..4], Is.All.Zero);
        Assert.That(arena.Read(state.P)[4..], Is.Not.EqualTo(start[4..]));
    }

    [TestCase(float.NaN)]
    [TestCase(float.PositiveInfinity)]
    public void A_segment_that_diverged_is_untouched_and_spreads_nothing(float poison)
    {
        float[] start = Sample.Normal(40, 1), gradients = Sample.Normal(40, 2);
        AdamWSegment segment = new(3, 0.1f, 0.1f, 1);
        ParameterRange[] ranges = [new(0, 20, 0), new(20, 20, 1)];
        using var arena = new OpArena();
        State clean = State.Make(arena, start), dirty = State.Make(arena, start);
        clean.Step(arena, gradients, ranges, [segment, segment]);
        gradients[3] = poison;
        dirty.Step(arena, gradients, ranges, [segment, segment]);
        Assert.That(arena.Read(dirty.P)[..20], Is.EqualTo(start[..20]));
        Assert.That(arena.Read(dirty.V)[..20], Is.All.Zero);
        Assert.That(arena.Read(dirty.P)[20..], Is.EqualTo(arena.Read(clean.P)[20..]));
    }

    [Test]
    public void Results_do_not_depend_on_the_number_of_threads()
    {
        Agreement.SameBitsOnAnyThreads(arena =>
        {
            State state = State.Make(arena, Sample.Normal(Count, 1));
            state.Step(arena, Sample.Normal(Count, 2), Ranges, Segments(3));
            return [.. arena.Read(state.P), .. arena.Read(state.M), .. arena.Read(state.V)];
        });
    }

    private static AdamWSegment[] Segments(int step) =>
        [new(step, 1e-2f, 0.1f, 1), new(step + 4, 3e-3f, 0, 0), new(step, 1e-2f, 0.01f, 1000, 0.8f, 0.99f, 1e-6f)];

    private sealed record State(TensorView P, TensorView M, TensorView V)
    {
        public static State Make(OpArena arena, float[] parameters) =>
            new(arena.Floats(parameters, parameters.Length, 1), arena.New(parameters.Length, 1, DType.F32), arena.New(parameters.Length, 1, DType.F32));

        public void Step(OpArena arena, float[] gradients, ParameterRange[] ranges, AdamWSegment[] segments)
        {
            TensorView g = arena.Floats(gradients, gradients.Length, 1), norms = arena.Unwritten(segments.Length);
            arena.Backend.GradNorm(g, ranges, norms);
            arena.Backend.AdamW(g, norms, ranges, segments, P, M, V);
        }
    }
}
