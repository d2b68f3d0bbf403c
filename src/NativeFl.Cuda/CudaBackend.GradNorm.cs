using System.Runtime.InteropServices;
using NativeFl.Cuda.Streams;
using NativeFl.Tensors;
using NativeFl.Tensors.Cpu;

namespace NativeFl.Cuda;

public sealed unsafe partial class CudaBackend
{
    // kernels/device/parameter_ranges.cuh cuts by the same number.
    private const int RangeBlockElements = 8192, RangeBlockThreads = 256;

    /// <inheritdoc/>
    /// <remarks>The blocks of a segment are summed in an order that depends on the ranges alone. A segment without ranges has norm 0.</remarks>
    public override void GradNorm(TensorView gradients, ReadOnlySpan<ParameterRange> ranges, TensorView norms)
    {
        int segments = checked((int)norms.Count);
        TensorCheck.Holds(norms, DType.F32, segments);
        TensorCheck.Holds(gradients, DType.F32, gradients.Count);
        RangeBlocks[] cut = CutRanges(ranges, segments, gradients.Count, out int blocks);
        nint squares = Workspace(Math.Max(1, blocks) * 16L);
        if (blocks > 0)
        {
            var sum = new GradNormSquaresArguments(gradients.Pointer, Stage<RangeBlocks>(cut), cut.Length, squares);
            Launch("grad_norm", "grad_norm_squares", new LaunchShape(blocks, 1, 1, RangeBlockThreads), sum);
        }

        var root = new GradNormRootsArguments(squares, blocks, norms.Pointer);
        Launch("grad_norm", "grad_norm_roots", new LaunchShape(segments, 1, 1, RangeBlockThreads), root);
    }

    /// <summary>Checks the ranges and numbers their blocks of <see cref="RangeBlockElements"/> elements.</summary>
    private static RangeBlocks[] CutRanges(ReadOnlySpan<ParameterRange> ranges, int segments, long elements, out int blocks)
    {
        var cut = new RangeBlocks[ranges.Length];
        long next = 0;
        for (int i = 0; i < ranges.Length; i++)
        {
            ParameterRange range = ranges[i];
            if (range.Offset < 0 || range.Count < 0 || range.Offset > elements - range.Count || (uint)range.Segment >= (uint)segments)
                throw new ArgumentException($"ranges: expected elements below {elements} and segments below {segments}, got {range}", nameof(ranges));
            cut[i] = new RangeBlocks(range.Offset, range.Count, checked((int)next), range.Segment, range.Decays ? 1 : 0);
            next += (range.Count + RangeBlockElements - 1) / RangeBlockElements;
        }

        blocks = checked((int)next);
        return cut;
    }

    /// <summary>A range and the number of its first block; an empty one has none.</summary>
    [StructLayout(LayoutKind.Sequential)]
    private readonly record struct RangeBlocks(long Offset, long Count, int FirstBlock, int Segment, int Decays, int Reserved = 0);

    [StructLayout(LayoutKind.Sequential)]
    private readonly record struct GradNormSquaresArguments(nint Gradients, nint Ranges, int RangeCount, nint Squares);

    [StructLayout(LayoutKind.Sequential)]
    private readonly record struct GradNormRootsArguments(nint Squares, int BlockCount, nint Norms);
}
