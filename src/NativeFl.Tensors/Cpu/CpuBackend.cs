using System.Runtime.InteropServices;

namespace NativeFl.Tensors.Cpu;

/// <summary>The CPU backend: SIMD, all cores, f32 arithmetic, weights stored as f32 or bf16. One op a partial file.</summary>
public sealed unsafe partial class CpuBackend : Backend
{
    private readonly WorkerPool _pool;
    private long _allocatedBytes;

    /// <summary>Makes a backend; <paramref name="options"/> defaults to all cores and no external BLAS.</summary>
    public CpuBackend(CpuBackendOptions? options = null)
    {
        options ??= new CpuBackendOptions();
        ArgumentOutOfRangeException.ThrowIfNegative(options.Threads);
        Threads = options.Threads == 0 ? Environment.ProcessorCount : options.Threads;
        _pool = new WorkerPool(Threads);
    }

    /// <summary>The number of threads in use.</summary>
    public int Threads { get; }

    /// <inheritdoc/>
    public override string DeviceName => $"cpu: {Threads} threads";

    /// <inheritdoc/>
    public override DType ActivationType => DType.F32;

    /// <inheritdoc/>
    public override long AllocatedBytes => Interlocked.Read(ref _allocatedBytes);

    /// <inheritdoc/>
    public override DeviceMemory Allocate(long bytes)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(bytes);
        void* pointer = NativeMemory.AlignedAlloc(checked((nuint)bytes), MemoryPlan.Alignment);
        NativeMemory.Clear(pointer, (nuint)bytes);
        Interlocked.Add(ref _allocatedBytes, bytes);
        return new DeviceMemory((nint)pointer, bytes, p =>
        {
            NativeMemory.AlignedFree((void*)p);
            Interlocked.Add(ref _allocatedBytes, -bytes);
        });
    }

    /// <inheritdoc/>
    public override void Upload<T>(ReadOnlySpan<T> source, TensorView destination) => source.CopyTo(destination.AsSpan<T>());

    /// <inheritdoc/>
    public override void Download<T>(TensorView source, Span<T> destination) => source.AsSpan<T>().CopyTo(destination);

    /// <inheritdoc/>
    public override void Synchronize()
    {
    }

    /// <summary>
    /// Runs body(start, end) over [0, count) in pieces of <paramref name="grain"/> on all threads; the pieces do not depend on the
    /// number of threads. The first exception of a body reaches the caller. Inside a body it runs in place.
    /// </summary>
    internal void ParallelFor(int count, int grain, Action<int, int> body) => _pool.Run(count, grain, body);

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (disposing) _pool.Dispose();
        base.Dispose(disposing);
    }
}
