using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace NativeFl.Tensors.Cpu;

public sealed unsafe partial class CpuBackend
{
    private const int AssignBlockRows = 64, AssignRows = 4, UpdateColumns = 64;

    /// <inheritdoc/>
    /// <remarks>
    /// Four rows against two centres at a time, each distance in eight partial sums whatever its neighbours are. 64 rows stay in the cache
    /// while all centres pass. Cost: 3 N K C operations, reads C (N + K N / 64) floats; bound by arithmetic.
    /// </remarks>
    public override void KMeansAssign(TensorView x, TensorView centres, TensorView nearest, TensorView distances)
    {
        int rows = x.Rows, clusters = centres.Rows, columns = x.Columns;
        TensorCheck.Is(x, DType.F32, rows, columns);
        TensorCheck.Is(centres, DType.F32, Math.Max(1, clusters), columns);
        TensorCheck.Holds(nearest, DType.I32, rows);
        TensorCheck.Holds(distances, DType.F32, rows);
        float* px = (float*)x.Pointer, pc = (float*)centres.Pointer, least = (float*)distances.Pointer;
        int* best = (int*)nearest.Pointer;
        ParallelFor(rows, AssignBlockRows, (first, end) =>
        {
            for (int n = first; n < end; n++) (best[n], least[n]) = (0, float.PositiveInfinity);
            for (int k = 0; k < clusters; k += 2)
            {
                float* centre = pc + ((long)k * columns), next = k + 1 < clusters ? centre + columns : centre;
                for (int n = first; n < end; n += AssignRows)
                {
                    // Beyond the last row it stands in again: nearer than itself it is not.
                    float* row = px + ((long)n * columns);
                    int last = Math.Min(AssignRows, end - n) - 1;
                    AssignTile(row, row + (Math.Min(1, last) * (long)columns), row + (Math.Min(2, last) * (long)columns), row + (last * (long)columns),
                        centre, next, columns, k, least + n, best + n, last);
                }
            }
        });
    }

    /// <inheritdoc/>
    /// <remarks>A thread owns whole columns, so that each is summed from the first row to the last. Cost: reads N C floats; bound by memory.</remarks>
    public override void KMeansUpdate(TensorView x, TensorView nearest, TensorView centres, TensorView sizes)
    {
        int rows = x.Rows, clusters = centres.Rows, columns = x.Columns;
        TensorCheck.Is(x, DType.F32, rows, columns);
        TensorCheck.Is(centres, DType.F32, clusters, columns);
        TensorCheck.Holds(nearest, DType.I32, rows);
        TensorCheck.Holds(sizes, DType.I32, clusters);
        TensorCheck.Below(nearest, clusters);
        float* px = (float*)x.Pointer, pc = (float*)centres.Pointer;
        int* cluster = (int*)nearest.Pointer, size = (int*)sizes.Pointer;
        sizes.AsSpan<int>().Clear();
        for (int n = 0; n < rows; n++) size[cluster[n]]++;
        ParallelFor(columns, UpdateColumns, (first, end) =>
        {
            int width = end - first;
            double[] sums = new double[(long)clusters * width];
            for (int n = 0; n < rows; n++)
            {
                Span<double> sum = sums.AsSpan(cluster[n] * width, width);
                float* row = px + ((long)n * columns) + first;
                for (int c = 0; c < width; c++) sum[c] += row[c];
            }

            for (int k = 0; k < clusters; k++)
            {
                for (int c = 0; c < width && size[k] > 0; c++) pc[((long)k * columns) + first + c] = (float)(sums[(k * width) + c] / size[k]);
            }
        });
    }

    /// <summary>The distances of four rows to two centres, and what is nearer than what was nearest before.</summary>
    private static void AssignTile(
        float* x0, float* x1, float* x2, float* x3, float* c0, float* c1, int columns, int k, float* least, int* best, int last)
    {
        Vector256<float> d00 = default, d10 = default, d20 = default, d30 = default, d01 = default, d11 = default, d21 = default, d31 = default;
        for (int c = 0; c < columns; c += Lanes.Width)
        {
            long left = columns - c;
            Vector256<float> a = Lanes.Load(c0 + c, left), b = Lanes.Load(c1 + c, left), x;
            x = Lanes.Load(x0 + c, left);
            d00 = Squared(x - a, d00);
            d01 = Squared(x - b, d01);
            x = Lanes.Load(x1 + c, left);
            d10 = Squared(x - a, d10);
            d11 = Squared(x - b, d11);
            x = Lanes.Load(x2 + c, left);
            d20 = Squared(x - a, d20);
            d21 = Squared(x - b, d21);
            x = Lanes.Load(x3 + c, left);
            d30 = Squared(x - a, d30);
            d31 = Squared(x - b, d31);
        }

        Nearer(Vector256.Sum(d00), Vector256.Sum(d01), k, least, best);
        if (last >= 1) Nearer(Vector256.Sum(d10), Vector256.Sum(d11), k, least + 1, best + 1);
        if (last >= 2) Nearer(Vector256.Sum(d20), Vector256.Sum(d21), k, least + 2, best + 2);
        if (last >= 3) Nearer(Vector256.Sum(d30), Vector256.Sum(d31), k, least + 3, best + 3);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<float> Squared(Vector256<float> difference, Vector256<float> sum) => Vector256.FusedMultiplyAdd(difference, difference, sum);

    private static void Nearer(float first, float second, int k, float* least, int* best)
    {
        if (first < *least) (*least, *best) = (first, k);
        if (second < *least) (*least, *best) = (second, k + 1);
    }
}
