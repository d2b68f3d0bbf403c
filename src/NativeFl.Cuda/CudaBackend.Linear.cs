using NativeFl.Tensors;
using NativeFl.Tensors.Cpu;

namespace NativeFl.Cuda;

public sealed unsafe partial class CudaBackend
{
    /// <inheritdoc/>
    public override void LinearForward(TensorView x, PackedMatrix w, TensorView bias, bool accumulate, TensorView y)
    {
        CheckLinear(x, w, nameof(x));
        TensorCheck.Is(x, x.DType, x.Rows, w.In);
        TensorCheck.Is(y, x.DType == DType.BF16 ? y.DType : DType.F32, x.Rows, w.Out);
        Expect.Stored(nameof(y), y.DType);
        if (!bias.IsEmpty) TensorCheck.Holds(bias, DType.F32, w.Out);
        Multiply(new MatrixProduct(x, false, Rows(w), true, bias, accumulate, y));
    }

    /// <inheritdoc/>
    public override void LinearBackward(TensorView dy, PackedMatrix w, bool accumulate, TensorView dx)
    {
        CheckLinear(dy, w, nameof(dy));
        TensorCheck.Is(dy, dy.DType, dy.Rows, w.Out);
        TensorCheck.Is(dx, dy.DType == DType.BF16 && w.DType == DType.F32 ? DType.BF16 : dx.DType, dy.Rows, w.In);
        Expect.Stored(nameof(dx), dx.DType);
        var product = new MatrixProduct(dy, false, Rows(w), false, default, accumulate, dx);
        // f32 gradients of the logits are rounded where activations are bf16; where they are f32 nothing is.
        if (dy.DType == DType.F32 && dx.DType == DType.BF16) MultiplyRounded(product);
        else Multiply(product);
    }

    // Activations of either type go with weights of either: f32 ones are rounded on their way to bf16 activations.
    private static void CheckLinear(TensorView x, PackedMatrix w, string name)
    {
        Expect.Packed(nameof(w), w);
        Expect.Stored(name, x.DType);
    }

    private static TensorView Rows(PackedMatrix w) => new(w.Pointer, new Shape(w.Out, w.In), w.DType);
}
