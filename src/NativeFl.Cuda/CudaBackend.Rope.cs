using System.Runtime.InteropServices;
using NativeFl.Cuda.Streams;
using NativeFl.Tensors;
using NativeFl.Tensors.Cpu;

namespace NativeFl.Cuda;

public sealed unsafe partial class CudaBackend
{
    private const int RopeThreads = 256, RopeHeadsPerThread = 4;

    /// <inheritdoc/>
    public override void RopeForward(TensorView positions, TensorView frequencies, TensorView x) =>
        Rotate("rope_forward", positions, frequencies, x, default);

    /// <inheritdoc/>
    public override void RopeForward(TensorView positions, TensorView frequencies, TensorView q, TensorView k) =>
        Rotate("rope_forward", positions, frequencies, q, k);

    /// <inheritdoc/>
    public override void RopeBackward(TensorView positions, TensorView frequencies, TensorView dx) =>
        Rotate("rope_backward", positions, frequencies, dx, default);

    /// <inheritdoc/>
    public override void RopeBackward(TensorView positions, TensorView frequencies, TensorView dq, TensorView dk) =>
        Rotate("rope_backward", positions, frequencies, dq, dk);

    private void Rotate(string entry, TensorView positions, TensorView frequencies, TensorView x, TensorView other)
    {
        int half = checked((int)frequencies.Count), rows = x.Rows;
        TensorCheck.Holds(frequencies, DType.F32, half);
        TensorCheck.Holds(positions, DType.I32, rows);
        int heads = Heads(x, x, half), otherHeads = other.IsEmpty ? 0 : Heads(other, x, half);
        long items = (long)rows * Pieces(half, VectorWidth(x.DType)) * (Pieces(heads, RopeHeadsPerThread) + Pieces(otherHeads, RopeHeadsPerThread));
        var shape = new LaunchShape(checked((int)((items + RopeThreads - 1) / RopeThreads)), 1, 1, RopeThreads);
        var arguments = new RopeArguments(positions.Pointer, frequencies.Pointer, rows, half, heads, otherHeads, x.Pointer, other.Pointer);
        Launch("rope", Typed(entry, x.DType), shape, arguments);
    }

    // Heads of x, which has the rows and the type of `like`.
    private static int Heads(TensorView x, TensorView like, int half)
    {
        TensorCheck.Is(x, like.DType, like.Rows, x.Columns);
        if (half == 0 || x.Columns % (2 * half) != 0)
            throw new ArgumentException($"x: expected a multiple of {2 * half} columns, got {x.Columns}", nameof(x));
        return x.Columns / (2 * half);
    }

    [StructLayout(LayoutKind.Sequential)]
    private readonly record struct RopeArguments(nint Positions, nint Frequencies, int Rows, int Half, int Heads, int OtherHeads, nint X, nint Other);
}
