using System.Runtime.InteropServices;
using NativeFl.Cuda.Streams;
using NativeFl.Tensors;
using NativeFl.Tensors.Cpu;

namespace NativeFl.Cuda;

public sealed unsafe partial class CudaBackend
{
    private const int CopyThreads = 256, CopyBlocksPerMultiprocessor = 8, CopyWidth = 8;

    /// <inheritdoc/>
    public override void Copy(TensorView source, TensorView destination)
    {
        if (source.Count != destination.Count)
            throw new ArgumentException($"destination: expected {source.Count} elements, got {destination.Shape}", nameof(destination));
        if (source.Count == 0) return;
        if (source.DType == destination.DType)
        {
            Enter();
            _queue.Enqueue(Command.Copy(source.Pointer, destination.Pointer, source.Bytes));
            return;
        }
        Expect.Stored(nameof(source), source.DType);
        Expect.Stored(nameof(destination), destination.DType);
        long blocks = (source.Count + (CopyThreads * CopyWidth) - 1) / (CopyThreads * CopyWidth);
        var shape = new LaunchShape((int)Math.Min(blocks, (long)MultiprocessorCount * CopyBlocksPerMultiprocessor), 1, 1, CopyThreads);
        var arguments = new CopyArguments(source.Pointer, source.Count, destination.Pointer);
        Launch("copy", source.DType == DType.BF16 ? "copy_bf16_to_f32" : "copy_f32_to_bf16", shape, arguments);
    }

    /// <inheritdoc/>
    public override void Fill(float value, TensorView destination)
    {
        Expect.Stored(nameof(destination), destination.DType);
        if (destination.Count == 0) return;
        Enter();
        uint bits = destination.DType == DType.F32 ? BitConverter.SingleToUInt32Bits(value) : Bf16.Round(value);
        _queue.Enqueue(Command.Fill(destination.Pointer, bits, destination.DType.Size(), destination.Count));
    }

    [StructLayout(LayoutKind.Sequential)]
    private readonly record struct CopyArguments(nint Source, long Count, nint Destination);
}
