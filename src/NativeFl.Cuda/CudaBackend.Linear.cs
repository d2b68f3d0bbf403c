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
        TensorCheck.Is(dx, w.DType == DType.BF16 ? dx.DType : DType.F32, dy.Rows, w.In);
        Expect.Stored(nameof(dx), dx.DType);
        var product = new MatrixProduct(dy, false, Rows(w), false, default, accumulate, dx);
        // f32 gradients of the logits meet bf16 weights as bf16; with f32 activations nothing is rounded.
        if (dy.DType == DType.F32 && dx.DType == DType.BF16) MultiplyRounded(product);
        else Multiply(product);
    }

    // bf16 activations go with bf16 weights; f32 activations with either.
    private static void CheckLinear(TensorView x, PackedMatrix w, string name)
    {
        Expect.Packed(nameof(w), w);
        Expect.Stored(name, x.DType);
        if (x.DType == DType.BF16 && w.DType != DType.BF16) throw new ArgumentException($"w: expected BF16 beside a BF16 {name}, got {w.DType}", nameof(w));
    }

    private static TensorView Rows(PackedMatrix w) => new(w.Pointer, new Shape(w.Out, w.In), w.DType);
}
