using System.Runtime.InteropServices;
using NativeFl.Tensors;
using NativeFl.Tensors.Cpu;

namespace NativeFl.Cuda;

public sealed unsafe partial class CudaBackend
{
    /// <inheritdoc/>
    public override void SwigluForward(TensorView gate, TensorView up, TensorView y)
    {
        TensorCheck.Is(gate, y.DType, y.Rows, y.Columns);
        TensorCheck.Is(up, y.DType, y.Rows, y.Columns);
        TensorCheck.Is(y, y.DType, y.Rows, y.Columns);
        var arguments = new SwigluForwardArguments(gate.Pointer, up.Pointer, y.Count, y.Pointer);
        Launch("swiglu", Typed("swiglu_forward", y.DType), ElementGrid(y.Count, y.DType), arguments);
    }

    /// <inheritdoc/>
    public override void SwigluBackward(TensorView dy, TensorView gate, TensorView up, TensorView dGate, TensorView dUp)
    {
        TensorCheck.Is(gate, dy.DType, dy.Rows, dy.Columns);
        TensorCheck.Is(up, dy.DType, dy.Rows, dy.Columns);
        TensorCheck.Is(dGate, dy.DType, dy.Rows, dy.Columns);
        TensorCheck.Is(dUp, dy.DType, dy.Rows, dy.Columns);
        TensorCheck.Is(dy, dy.DType, dy.Rows, dy.Columns);
        var arguments = new SwigluBackwardArguments(dy.Pointer, gate.Pointer, up.Pointer, dy.Count, dGate.Pointer, dUp.Pointer);
        Launch("swiglu", Typed("swiglu_backward", dy.DType), ElementGrid(dy.Count, dy.DType), arguments);
    }

    [StructLayout(LayoutKind.Sequential)]
    private readonly record struct SwigluForwardArguments(nint Gate, nint Up, long Count, nint Y);

    [StructLayout(LayoutKind.Sequential)]
    private readonly record struct SwigluBackwardArguments(nint DY, nint Gate, nint Up, long Count, nint DGate, nint DUp);
}
