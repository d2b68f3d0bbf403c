using System.Runtime.Intrinsics;

namespace NativeFl.Tensors.Cpu;

public sealed unsafe partial class CpuBackend
{
    /// <inheritdoc/>
    /// <remarks>
    /// Each range is cut into blocks of <see cref="ElementsPerTask"/>; a block is summed in double in eight partial sums, the blocks of a
    /// segment in the order of the ranges. A segment without ranges has norm 0. Cost: reads N floats; bound by memory.
    /// </remarks>
    public override void GradNorm(TensorView gradients, ReadOnlySpan<ParameterRange> ranges, TensorView norms)
    {
        int segments = checked((int)norms.Count);
        TensorCheck.Holds(norms, DType.F32, segments);
        TensorCheck.Holds(gradients, DType.F32, gradients.Count);
        RangeBlock[] blocks = Blocks(ranges, segments, gradients.Count);
        double[] squares = new double[blocks.Length];
        float* g = (float*)gradients.Pointer;
        ParallelFor(blocks.Length, 1, (first, end) =>
        {
            for (int block = first; block < end; block++) squares[block] = SumOfSquares(g + blocks[block].Start, blocks[block].Count);
        });
        double[] sums = new double[segments];
        for (int block = 0; block < blocks.Length; block++) sums[ranges[blocks[block].Range].Segment] += squares[block];
        float* norm = (float*)norms.Pointer;
        for (int segment = 0; segment < segments; segment++) norm[segment] = (float)Math.Sqrt(sums[segment]);
    }

    /// <summary>At most <see cref="ElementsPerTask"/> elements of a range.</summary>
    private readonly record struct RangeBlock(int Range, long Start, int Count);

    /// <summary>Checks the ranges and cuts them into blocks, in order.</summary>
    private static RangeBlock[] Blocks(ReadOnlySpan<ParameterRange> ranges, int segments, long elements)
    {
        long count = 0;
        foreach (ParameterRange range in ranges)
        {
            if (range.Offset < 0 || range.Count < 0 || range.Offset > elements - range.Count || (uint)range.Segment >= (uint)segments)
                throw new ArgumentException($"ranges: expected elements below {elements} and segments below {segments}, got {range}", nameof(ranges));
            count += (range.Count + ElementsPerTask - 1) / ElementsPerTask;
        }

        var blocks = new RangeBlock[count];
        int next = 0;
        for (int r = 0; r < ranges.Length; r++)
        {
            for (long done = 0; done < ranges[r].Count; done += ElementsPerTask)
                blocks[next++] = new RangeBlock(r, ranges[r].Offset + done, (int)Math.Min(ElementsPerTask, ranges[r].Count - done));
        }

        return blocks;
    }

    private static double SumOfSquares(float* x, int count)
    {
        Vector256<double> low = default, high = default;
        for (int i = 0; i < count; i += Lanes.Width)
        {
            (Vector256<double> a, Vector256<double> b) = Vector256.Widen(Lanes.Load(x + i, count - i));
            low = Vector256.FusedMultiplyAdd(a, a, low);
            high = Vector256.FusedMultiplyAdd(b, b, high);
        }

        return Vector256.Sum(low + high);
    }
}
