using System.Runtime.Intrinsics;

namespace NativeFl.Tensors.Cpu;

public sealed unsafe partial class CpuBackend
{
    /// <summary>A gradient of w is summed over blocks of rows, then over the blocks in order; there are never more blocks than this.</summary>
    private const int RmsNormBlocks = 128;

    /// <inheritdoc/>
    /// <remarks>Zhang and Sennrich 2019, arXiv:1910.07467, eq. 4. Cost: reads 2 N C (the second time from cache), writes N C floats.</remarks>
    public override void RmsNormForward(TensorView x, TensorView w, float epsilon, TensorView y, TensorView rstd)
    {
        int rows = x.Rows, columns = x.Columns;
        TensorCheck.Is(x, DType.F32, rows, columns);
        TensorCheck.Is(y, DType.F32, rows, columns);
        TensorCheck.Holds(w, DType.F32, columns);
        TensorCheck.Holds(rstd, DType.F32, rows);
        float* px = (float*)x.Pointer, pw = (float*)w.Pointer, py = (float*)y.Pointer, scale = (float*)rstd.Pointer;
        ParallelFor(rows, RowsPerTask(columns), (first, end) =>
        {
            for (int n = first; n < end; n++)
            {
                float* row = px + ((long)n * columns), result = py + ((long)n * columns);
                scale[n] = (float)(1 / Math.Sqrt((Dot(row, row, columns) / (double)columns) + epsilon));
                Vector256<float> factor = Vector256.Create(scale[n]);
                for (int c = 0; c < columns; c += Lanes.Width)
                    Lanes.Store(Lanes.Load(row + c, columns - c) * factor * Lanes.Load(pw + c, columns - c), result + c, columns - c);
            }
        });
    }

    /// <inheritdoc/>
    /// <remarks>
    /// With h = x rstd: dx += rstd (w dy − h mean(w dy h)), dw += Σ_n dy h. The order of the sum over rows depends on N alone.
    /// Cost: reads 3 N C and writes N C floats, half of that again for dw.
    /// </remarks>
    public override void RmsNormBackward(TensorView dy, TensorView x, TensorView w, TensorView rstd, TensorView dx, TensorView dw)
    {
        int rows = x.Rows, columns = x.Columns;
        TensorCheck.Is(dy, DType.F32, rows, columns);
        TensorCheck.Is(x, DType.F32, rows, columns);
        TensorCheck.Is(dx, DType.F32, rows, columns);
        TensorCheck.Holds(w, DType.F32, columns);
        TensorCheck.Holds(rstd, DType.F32, rows);
        if (!dw.IsEmpty) TensorCheck.Holds(dw, DType.F32, columns);
        float* px = (float*)x.Pointer, pdy = (float*)dy.Pointer, pdx = (float*)dx.Pointer, pw = (float*)w.Pointer;
        float* scale = (float*)rstd.Pointer;
        ParallelFor(rows, RowsPerTask(columns), (first, end) =>
        {
            for (int n = first; n < end; n++)
            {
                long start = (long)n * columns;
                RmsNormBackwardRow(pdy + start, px + start, pw, scale[n], columns, pdx + start);
            }
        });
        if (!dw.IsEmpty) RmsNormWeightGradient(pdy, px, scale, rows, columns, (float*)dw.Pointer);
    }

    private static void RmsNormBackwardRow(float* dy, float* x, float* w, float rstd, int columns, float* dx)
    {
        Vector256<float> sum0 = default, sum1 = default;
        int c = 0;
        for (; c <= columns - (2 * Lanes.Width); c += 2 * Lanes.Width)
        {
            sum0 = Vector256.FusedMultiplyAdd(Vector256.Load(w + c) * Vector256.Load(dy + c), Vector256.Load(x + c), sum0);
            sum1 = Vector256.FusedMultiplyAdd(Vector256.Load(w + c + 8) * Vector256.Load(dy + c + 8), Vector256.Load(x + c + 8), sum1);
        }

        for (; c < columns; c += Lanes.Width)
        {
            int left = columns - c;
            sum0 = Vector256.FusedMultiplyAdd(Lanes.Load(w + c, left) * Lanes.Load(dy + c, left), Lanes.Load(x + c, left), sum0);
        }

        Vector256<float> pull = Vector256.Create((float)(-Vector256.Sum(sum0 + sum1) / (double)columns * rstd * rstd));
        Vector256<float> factor = Vector256.Create(rstd);
        for (c = 0; c < columns; c += Lanes.Width)
        {
            int left = columns - c;
            Vector256<float> inner = Vector256.FusedMultiplyAdd(pull, Lanes.Load(x + c, left), Lanes.Load(w + c, left) * Lanes.Load(dy + c, left));
            Lanes.Store(Vector256.FusedMultiplyAdd(factor, inner, Lanes.Load(dx + c, left)), dx + c, left);
        }
    }

    private void RmsNormWeightGradient(float* dy, float* x, float* rstd, int rows, int columns, float* dw)
    {
        int blockRows = Math.Max(64, (rows + RmsNormBlocks - 1) / RmsNormBlocks), blocks = (rows + blockRows - 1) / blockRows;
        using var workspace = new Workspace((long)blocks * columns);
        float* partial = workspace.Take((long)blocks * columns);
        new Span<float>(partial, blocks * columns).Clear();
        ParallelFor(blocks, 1, (first, end) =>
        {
            for (int n = first * blockRows; n < Math.Min(rows, end * blockRows); n++)
            {
                float* sums = partial + ((long)(n / blockRows) * columns), rowDy = dy + ((long)n * columns), rowX = x + ((long)n * columns);
                Vector256<float> factor = Vector256.Create(rstd[n]);
                for (int c = 0; c < columns; c += Lanes.Width)
                {
                    int left = columns - c;
                    Vector256<float> normalised = factor * Lanes.Load(rowX + c, left);
                    Lanes.Store(Vector256.FusedMultiplyAdd(Lanes.Load(rowDy + c, left), normalised, Lanes.Load(sums + c, left)), sums + c, left);
                }
            }
        });
        for (int block = 0; block < blocks; block++)
        {
            float* sums = partial + ((long)block * columns);
            for (int c = 0; c < columns; c += Lanes.Width)
                Lanes.Store(Lanes.Load(dw + c, columns - c) + Lanes.Load(sums + c, columns - c), dw + c, columns - c);
        }
    }

    /// <summary>Σ a b in sixteen partial sums, always in the same order.</summary>
    private static float Dot(float* a, float* b, int count)
    {
        Vector256<float> sum0 = default, sum1 = default;
        int i = 0;
        for (; i <= count - (2 * Lanes.Width); i += 2 * Lanes.Width)
        {
            sum0 = Vector256.FusedMultiplyAdd(Vector256.Load(a + i), Vector256.Load(b + i), sum0);
            sum1 = Vector256.FusedMultiplyAdd(Vector256.Load(a + i + 8), Vector256.Load(b + i + 8), sum1);
        }

        for (; i < count; i += Lanes.Width)
            sum0 = Vector256.FusedMultiplyAdd(Lanes.Load(a + i, count - i), Lanes.Load(b + i, count - i), sum0);
        return Vector256.Sum(sum0 + sum1);
    }
}
