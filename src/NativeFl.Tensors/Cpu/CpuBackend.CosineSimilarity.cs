namespace NativeFl.Tensors.Cpu;

public sealed unsafe partial class CpuBackend
{
    /// <inheritdoc/>
    /// <remarks>LLM-Drop, arXiv:2406.15786. Cost: reads 2 N C floats; bound by memory.</remarks>
    public override void CosineSimilarity(TensorView x, TensorView y, TensorView products)
    {
        int rows = x.Rows, columns = x.Columns;
        TensorCheck.Is(x, DType.F32, rows, columns);
        TensorCheck.Is(y, DType.F32, rows, columns);
        TensorCheck.Is(products, DType.F32, rows, 3);
        float* px = (float*)x.Pointer, py = (float*)y.Pointer, triples = (float*)products.Pointer;
        ParallelFor(rows, RowsPerTask(columns), (first, end) =>
        {
            for (int n = first; n < end; n++)
            {
                long start = (long)n * columns;
                float* triple = triples + (3L * n);
                (triple[0], triple[1], triple[2]) = Products(px + start, py + start, columns);
            }
        });
    }

    /// <summary>x · y, |x|² and |y|² of one row.</summary>
    private static (float Product, float SquareX, float SquareY) Products(float* x, float* y, int columns)
    {
        RowProducts products = default;
        for (int c = 0; c < columns; c += Lanes.Width) products.Add(Lanes.Load(x + c, columns - c), Lanes.Load(y + c, columns - c));
        return products.Sum();
    }
}
