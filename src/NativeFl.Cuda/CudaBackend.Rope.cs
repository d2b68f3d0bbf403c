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
        Rotate("rope_forward", positions, frequencies, x);

    /// <inheritdoc/>
    public override void RopeBackward(TensorView positions, TensorView frequencies, TensorView dx) =>
        Rotate("rope_backward", positions, frequencies, dx);

    private void Rotate(string entry, TensorView positions, TensorView frequencies, TensorView x)
    {
        int half = checked((int)frequencies.Count), rows = x.Rows, columns = x.Columns;
        TensorCheck.Holds(frequencies, DType.F32, half);
        TensorCheck.Holds(positions, DType.I32, rows);
        TensorCheck.Is(x, x.DType, rows, columns);
        if (half == 0 || columns % (2 * half) != 0)
            throw new ArgumentException($"x: expected a multiple of {2 * half} columns, got {columns}", nameof(x));
        int heads = columns / (2 * half), width = VectorWidth(x.DType);
        long items = (long)rows * ((half + width - 1) / width) * ((heads + RopeHeadsPerThread - 1) / RopeHeadsPerThread);
        var shape = new LaunchShape(checked((int)((items + RopeThreads - 1) / RopeThreads)), 1, 1, RopeThreads);
        var arguments = new RopeArguments(positions.Pointer, frequencies.Pointer, rows, heads, half, x.Pointer);
        Launch("rope", Typed(entry, x.DType), shape, arguments);
    }

    [StructLayout(LayoutKind.Sequential)]
    private readonly record struct RopeArguments(nint Positions, nint Frequencies, int Rows, int Heads, int Half, nint X);
}
