using System.Runtime.InteropServices;
using NativeFl.Cuda.Streams;
using NativeFl.Tensors;
using NativeFl.Tensors.Cpu;

namespace NativeFl.Cuda;

public sealed unsafe partial class CudaBackend
{
    private const int AdamWSegmentsOnStack = 64;

    /// <inheritdoc/>
    /// <remarks>
    /// As <see cref="CpuBackend.AdamW"/>: the clip is torch's, and a segment with step 0, or whose norm is not finite, is left untouched,
    /// moments included. The norms stay on the device.
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
        RangeBlocks[] cut = CutRanges(ranges, segments.Length, count, out int blocks);
        if (blocks == 0) return;
        Span<AdamWStep> steps = segments.Length <= AdamWSegmentsOnStack ? stackalloc AdamWStep[segments.Length] : new AdamWStep[segments.Length];
        for (int k = 0; k < steps.Length; k++) steps[k] = AdamWStep.Of(segments[k]);
        var arguments = new AdamWArguments(
            gradients.Pointer, norms.Pointer, Stage<RangeBlocks>(cut), Stage<AdamWStep>(steps), cut.Length,
            parameters.Pointer, firstMoments.Pointer, secondMoments.Pointer);
        Launch("adamw", "adamw", new LaunchShape(blocks, 1, 1, RangeBlockThreads), arguments);
    }

    /// <summary>What AdamW needs of a segment at one step, worked out in double and rounded once.</summary>
    [StructLayout(LayoutKind.Sequential)]
    private readonly record struct AdamWStep(
        int IsActive, float ClipNorm, float Keep, float Rate, float RootOfBias2, float Gain1, float Beta2, float Gain2, float Epsilon)
    {
        public static AdamWStep Of(AdamWSegment segment)
        {
            if (segment.Step <= 0) return default;

            // As decimals: 1 − 0.999f is off by 5e-5 of itself, 1 − 0.999 is not.
            double beta1 = (double)(decimal)segment.Beta1, beta2 = (double)(decimal)segment.Beta2;
            return new AdamWStep(
                IsActive: 1,
                ClipNorm: segment.ClipNorm,
                Keep: (float)(1 - ((double)segment.LearningRate * segment.WeightDecay)),
                Rate: (float)(segment.LearningRate / (1 - Math.Pow(beta1, segment.Step))),
                RootOfBias2: (float)Math.Sqrt(1 - Math.Pow(beta2, segment.Step)),
                Gain1: (float)(1 - beta1),
                Beta2: (float)beta2,
                Gain2: (float)(1 - beta2),
                Epsilon: segment.Epsilon);
        }
    }

    [StructLayout(LayoutKind.Sequential)]
    private readonly record struct AdamWArguments(
        nint Gradients, nint Norms, nint Ranges, nint Steps, int RangeCount, nint Parameters, nint FirstMoments, nint SecondMoments);
}
