using System.Runtime.Intrinsics;

namespace NativeFl.Tensors.Cpu;

public sealed unsafe partial class CpuBackend
{
    /// <inheritdoc/>
    /// <remarks>
    /// The residual sum and the norm that follows it, in one pass: Zhang and Sennrich 2019, arXiv:1910.07467, eq. 4. The products cost no
    /// memory traffic, the rows being in registers. Cost: reads 2 N C, writes 2 N C floats, reads xOut again from cache.
    /// </remarks>
    public override void ResidualRmsNormForward(
        TensorView x, TensorView delta, TensorView w, float epsilon, TensorView xOut, TensorView y, TensorView rstd, TensorView products)
    {
        int rows = x.Rows, columns = x.Columns;
        TensorCheck.Is(x, DType.F32, rows, columns);
        TensorCheck.Is(delta, DType.F32, rows, columns);
        TensorCheck.Is(xOut, DType.F32, rows, columns);
        TensorCheck.Is(y, DType.F32, rows, columns);
        TensorCheck.Holds(w, DType.F32, columns);
        TensorCheck.Holds(rstd, DType.F32, rows);
        if (!products.IsEmpty) TensorCheck.Is(products, DType.F32, rows, 3);
        float* px = (float*)x.Pointer, pd = (float*)delta.Pointer, pw = (float*)w.Pointer, po = (float*)xOut.Pointer, py = (float*)y.Pointer;
        float* scale = (float*)rstd.Pointer, triples = (float*)products.Pointer;
        ParallelFor(rows, RowsPerTask(columns), (first, end) =>
        {
            for (int n = first; n < end; n++)
            {
                long start = (long)n * columns;
                float* sum = po + start, result = py + start;
                (float product, float squareIn, float squareOut) = ResidualSum(px + start, pd + start, columns, sum);
                if (triples != null) (triples[3L * n], triples[(3L * n) + 1], triples[(3L * n) + 2]) = (product, squareIn, squareOut);
                scale[n] = (float)(1 / Math.Sqrt((squareOut / (double)columns) + epsilon));
                Vector256<float> factor = Vector256.Create(scale[n]);
                for (int c = 0; c < columns; c += Lanes.Width)
                    Lanes.Store(Lanes.Load(sum + c, columns - c) * factor * Lanes.Load(pw + c, columns - c), result + c, columns - c);
            }
        });
    }

    /// <summary>sum = x + delta of one row; x · sum, |x|² and |sum|².</summary>
    private static (float Product, float SquareIn, float SquareOut) ResidualSum(float* x, float* delta, int columns, float* sum)
    {
        RowProducts products = default;
        for (int c = 0; c < columns; c += Lanes.Width)
        {
            int left = columns - c;
            Vector256<float> a = Lanes.Load(x + c, left), b = a + Lanes.Load(delta + c, left);
            products.Add(a, b);
            Lanes.Store(b, sum + c, left);
        }

        return products.Sum();
    }
}
