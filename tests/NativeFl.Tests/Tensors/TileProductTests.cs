using System.Runtime.InteropServices;
using NativeFl.Tensors;
using NativeFl.Tensors.Cpu;

namespace NativeFl.Tests.Tensors;

public sealed unsafe class TileProductTests
{
    // Of the right operand: one column, a panel, a panel and a part; K of one, odd, and a tile's.
    [TestCase(6, 1, 1, false)]
    [TestCase(12, 16, 7, true)]
    [TestCase(6, 19, 33, true)]
    [TestCase(24, 96, 64, false)]
    public void A_product_of_packed_tiles_matches_plain_loops(int m, int n, int k, bool accumulate)
    {
        float[] a = Sample.Normal(m * k, 1), b = Sample.Normal(k * n, 2), before = Sample.Normal(m * n, 3);
        double[] expected = new double[m * n];
        for (int i = 0; i < m * n; i++)
        {
            expected[i] = accumulate ? before[i] : 0;
            for (int l = 0; l < k; l++) expected[i] += (double)a[((i / n) * k) + l] * b[(l * n) + (i % n)];
        }

        float[] transposedA = Transposed(a, m, k), transposedB = Transposed(b, k, n);
        foreach (bool transposeA in new[] { false, true })
        {
            foreach (bool transposeB in new[] { false, true })
            {
                float[] got = Multiply(transposeA ? transposedA : a, transposeA, transposeB ? transposedB : b, transposeB, before, (m, n, k), accumulate);
                Agreement.Close(got, expected, Tolerance.For(DType.F32, k), $"a transposed: {transposeA}, b transposed: {transposeB}", Math.Sqrt(k));
            }
        }
    }

    private static float[] Multiply(float[] a, bool transposeA, float[] b, bool transposeB, float[] before, (int M, int N, int K) size, bool accumulate)
    {
        (int m, int n, int k) = size;
        int padded = AttentionProblem.RoundUp(n, TileProduct.Columns), panelRows = k + 3;
        float* panels = (float*)NativeMemory.AlignedAlloc((nuint)(padded * panelRows * sizeof(float)), 64);
        float* c = (float*)NativeMemory.AlignedAlloc((nuint)(padded * m * sizeof(float)), 64);
        new Span<float>(panels, padded * panelRows).Fill(float.NaN);
        for (int i = 0; i < m; i++) before.AsSpan(i * n, n).CopyTo(new Span<float>(c + (i * padded), n));
        float[] result = new float[m * n];
        fixed (float* pa = a, pb = b)
        {
            if (transposeB) TilePanels.FromColumns(pb, k, n, k, panels, panelRows);
            else TilePanels.FromRows(pb, n, k, n, panels, panelRows);
            TileProduct.Strided left = transposeA ? TileProduct.Strided.Transposed(pa, m) : TileProduct.Strided.RowMajor(pa, k);
            TileProduct.Multiply(left, new((nint)panels, panelRows), m, padded, k, accumulate, new((nint)c, padded));
        }

        for (int i = 0; i < m; i++) new Span<float>(c + (i * padded), n).CopyTo(result.AsSpan(i * n, n));
        NativeMemory.AlignedFree(panels);
        NativeMemory.AlignedFree(c);
        return result;
    }

    private static float[] Transposed(float[] x, int rows, int columns)
    {
        float[] y = new float[x.Length];
        for (int i = 0; i < x.Length; i++) y[((i % columns) * rows) + (i / columns)] = x[i];
        return y;
    }
}
