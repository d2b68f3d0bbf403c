using System.Runtime.InteropServices;
using NativeFl.Cuda.Streams;
using NativeFl.Tensors;
using NativeFl.Tensors.Cpu;

namespace NativeFl.Cuda;

public sealed unsafe partial class CudaBackend
{
    private const int ElementThreads = 256;

    /// <inheritdoc/>
    public override void AddScaled(TensorView x, float alpha, TensorView y)
    {
        TensorCheck.Holds(x, y.DType, y.Count);
        TensorCheck.Holds(y, y.DType, y.Count);
        var arguments = new AddScaledArguments(x.Pointer, y.Count, alpha, y.Pointer);
        Launch("add_scaled", Typed("add_scaled", y.DType), ElementGrid(y.Count, y.DType), arguments);
    }

    /// <summary>One vector of 16 bytes a thread.</summary>
    private static LaunchShape ElementGrid(long count, DType type)
    {
        long perBlock = (long)ElementThreads * VectorWidth(type);
        return new LaunchShape(checked((int)((count + perBlock - 1) / perBlock)), 1, 1, ElementThreads);
    }

    [StructLayout(LayoutKind.Sequential)]
    private readonly record struct AddScaledArguments(nint X, long Count, float Alpha, nint Y);
}
