using System.Runtime.Intrinsics;

namespace NativeFl.Tensors.Cpu;

public sealed unsafe partial class CpuBackend
{
    /// <inheritdoc/>
    /// <remarks>
    /// g ← clip · g;  p ← p (1 − η λ);  m ← m + (1 − β₁)(g − m);  v ← β₂ v + (1 − β₂) g²;
    /// p ← p − η / (1 − β₁ᵗ) · m / (√v / √(1 − β₂ᵗ) + ε): algorithm 2 of arXiv:1711.05101 in the order of torch.optim.AdamW.
    /// The clip is torch's: min(1, ClipNorm / (norm + 1e-6)). A segment with step 0, and one whose norm is not finite, is left
    /// untouched, moments included: a client that diverged must not spread NaN. The gradients are left as they are.
    /// Cost: reads 4 N, writes 3 N floats; bound by memory.
    /// </remarks>
    public override void AdamW(
        TensorView gradients, TensorView norms, ReadOnlySpan<ParameterRange> ranges, ReadOnlySpan<AdamWSegment> segments,
        TensorView parameters, TensorView firstMoments, TensorView secondMoments)
    {
        long count = parameters.Count;
        TensorCheck.Holds(parameters, DType.F32, count);
        TensorCheck.Holds(gradients, DType.F32, count);
        TensorCheck.Holds(firstMoments, DType.F32, count);
        TensorCheck.Holds(secondMoments, DType.F32, count);
        TensorCheck.Holds(norms, DType.F32, segments.Length);
        float* norm = (float*)norms.Pointer;
        var steps = new AdamWStep[segments.Length];
        for (int k = 0; k < steps.Length; k++) steps[k] = AdamWStep.Of(segments[k], norm[k]);
        RangeBlock[] blocks = Blocks(ranges, segments.Length, count);
        ParameterRange[] rangeOf = ranges.ToArray();
        float* g = (float*)gradients.Pointer, p = (float*)parameters.Pointer, m = (float*)firstMoments.Pointer, v = (float*)secondMoments.Pointer;
        ParallelFor(blocks.Length, 1, (first, end) =>
        {
            for (int block = first; block < end; block++)
            {
                RangeBlock run = blocks[block];
                AdamWStep step = steps[rangeOf[run.Range].Segment];
                if (!step.IsActive) continue;
                if (!rangeOf[run.Range].Decays) step = step with { Keep = 1 };
                step.Apply(g + run.Start, run.Count, p + run.Start, m + run.Start, v + run.Start);
            }
        });
    }

    /// <summary>What AdamW needs of a segment at one step, worked out in double and rounded once.</summary>
    private readonly record struct AdamWStep(
        bool IsActive, float Clip, float Keep, float Rate, float RootOfBias2, float Gain1, float Beta2, float Gain2, float Epsilon)
    {
        public static AdamWStep Of(AdamWSegment segment, float norm)
        {
            if (segment.Step <= 0 || !float.IsFinite(norm)) return default;

            // As decimals: 1 − 0.999f is off by 5e-5 of itself, 1 − 0.999 is not.
            double beta1 = (double)(decimal)segment.Beta1, beta2 = (double)(decimal)segment.Beta2;
            double clip = segment.ClipNorm > 0 ? Math.Min(1, segment.ClipNorm / (norm + 1e-6)) : 1;
            return new AdamWStep(
                IsActive: true,
                Clip: (float)clip,
                Keep: (float)(1 - ((double)segment.LearningRate * segment.WeightDecay)),
                Rate: (float)(segment.LearningRate / (1 - Math.Pow(beta1, segment.Step))),
                RootOfBias2: (float)Math.Sqrt(1 - Math.Pow(beta2, segment.Step)),
                Gain1: (float)(1 - beta1),
                Beta2: (float)beta2,
                Gain2: (float)(1 - beta2),
                Epsilon: segment.Epsilon);
        }

        public void Apply(float* gradients, int count, float* parameters, float* firstMoments, float* secondMoments)
        {
            Vector256<float> clip = Vector256.Create(Clip), keep = Vector256.Create(Keep), rate = Vector256.Create(-Rate);
            Vector256<float> gain1 = Vector256.Create(Gain1), beta2 = Vector256.Create(Beta2), gain2 = Vector256.Create(Gain2);
            Vector256<float> root = Vector256.Create(RootOfBias2), epsilon = Vector256.Create(Epsilon);
            for (int i = 0, left = count; left > 0; i += Lanes.Width, left -= Lanes.Width)
            {
                Vector256<float> g = clip * Lanes.Load(gradients + i, left), m = Lanes.Load(firstMoments + i, left);
                m = Vector256.FusedMultiplyAdd(gain1, g - m, m);
                Vector256<float> v = Vector256.FusedMultiplyAdd(gain2 * g, g, beta2 * Lanes.Load(secondMoments + i, left));
                Vector256<float> update = rate * (m / ((Vector256.Sqrt(v) / root) + epsilon));
                Lanes.Store(Vector256.FusedMultiplyAdd(keep, Lanes.Load(parameters + i, left), update), parameters + i, left);
                Lanes.Store(m, firstMoments + i, left);
                Lanes.Store(v, secondMoments + i, left);
            }
        }
    }
}
