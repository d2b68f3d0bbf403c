using NativeFl.Tensors.Cpu.Gemm;

namespace NativeFl.Tensors.Cpu;

public sealed unsafe partial class CpuBackend
{
    /// <inheritdoc/>
    public override void LinearForward(TensorView x, PackedMatrix w, TensorView bias, bool accumulate, TensorView y)
    {
        CheckLinear(x, w, bias, y);
        if (_blas is not null)
        {
            _blas.LinearForward(x, w, accumulate, y);
            AddBias(bias, y);
            return;
        }
        var product = new Product(Operand.Of(x), w, turned: false, Operand.Of(y))
        {
            Bias = (float*)bias.Pointer,
            Accumulate = accumulate,
            M = x.Rows,
            N = w.Out,
            K = w.In,
        };
        Run(&product);
    }

    /// <inheritdoc/>
    public override void LinearBackward(TensorView dy, PackedMatrix w, bool accumulate, TensorView dx)
    {
        CheckLinearBackward(dy, w, dx);
        if (_blas is not null)
        {
            _blas.LinearBackward(dy, w, accumulate, dx);
            return;
        }
        var product = new Product(Operand.Of(dy), w, turned: true, Operand.Of(dx))
        {
            Accumulate = accumulate,
            M = dy.Rows,
            N = w.In,
            K = w.Out,
        };
        Run(&product);
    }

    private static void CheckLinear(TensorView x, PackedMatrix w, TensorView bias, TensorView y)
    {
        Expect.Packed(nameof(w), w);
        TensorCheck.Is(x, DType.F32, x.Rows, w.In);
        TensorCheck.Is(y, DType.F32, x.Rows, w.Out);
        if (!bias.IsEmpty) TensorCheck.Holds(bias, DType.F32, w.Out);
    }

    private static void CheckLinearBackward(TensorView dy, PackedMatrix w, TensorView dx)
    {
        Expect.Packed(nameof(w), w);
        TensorCheck.Is(dy, DType.F32, dy.Rows, w.Out);
        TensorCheck.Is(dx, DType.F32, dy.Rows, w.In);
    }

    private void AddBias(TensorView bias, TensorView y)
    {
        if (bias.IsEmpty) return;
        int columns = y.Columns;
        float* from = (float*)bias.Pointer;
        float* to = (float*)y.Pointer;
        ParallelFor(y.Rows, 64, (start, end) =>
        {
            for (long row = start; row < end; row++)
            {
                for (int column = 0; column < columns; column++) to[(row * columns) + column] += from[column];
            }
        });
    }
}
