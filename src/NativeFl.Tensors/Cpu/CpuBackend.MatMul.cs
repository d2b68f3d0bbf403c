namespace NativeFl.Tensors.Cpu;

public sealed unsafe partial class CpuBackend
{
    /// <inheritdoc/>
    public override void MatMul(TensorView a, bool transposeA, TensorView b, bool transposeB, bool accumulate, TensorView c)
    {
        int m = transposeA ? a.Columns : a.Rows, k = transposeA ? a.Rows : a.Columns;
        int n = transposeB ? b.Rows : b.Columns;
        Expect.Tensor(nameof(a), a, DType.F32, a.Rows, a.Columns);
        Expect.Tensor(nameof(b), b, DType.F32, transposeB ? n : k, transposeB ? k : n);
        Expect.Tensor(nameof(c), c, DType.F32, m, n);
        var left = new Strided((float*)a.Pointer, transposeA ? 1 : k, transposeA ? m : 1);
        var right = new Strided((float*)b.Pointer, transposeB ? 1 : n, transposeB ? k : 1);
        Product(left, right, m, n, k, 1, accumulate, new Strided((float*)c.Pointer, n, 1));
    }

    /// <summary>c (m, n) = scale · a (m, k) b (k, n), or c += that.</summary>
    private void Product(Strided a, Strided b, int m, int n, int k, float scale, bool accumulate, Strided c) => ParallelFor(m, 4, (start, end) =>
    {
        for (int i = start; i < end; i++)
        {
            for (int j = 0; j < n; j++)
            {
                float sum = 0;
                for (int l = 0; l < k; l++) sum += a.Pointer[(i * a.Row) + (l * a.Column)] * b.Pointer[(l * b.Row) + (j * b.Column)];
                float* target = c.Pointer + (i * c.Row) + (j * c.Column);
                *target = accumulate ? *target + (scale * sum) : scale * sum;
            }
        }
    });

    private readonly struct Strided(float* pointer, long row, long column)
    {
        public float* Pointer { get; } = pointer;

        public long Row { get; } = row;

        public long Column { get; } = column;
    }
}
