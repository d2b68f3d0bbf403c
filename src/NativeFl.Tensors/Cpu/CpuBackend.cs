using System.Runtime.InteropServices;
using NativeFl.Tensors.Cpu.Gemm;

namespace NativeFl.Tensors.Cpu;

/// <summary>
/// The CPU backend: SIMD, all cores, f32 arithmetic, weights stored as f32 or bf16. One op a partial file. One thread calls it at
/// a time.
/// </summary>
public sealed unsafe partial class CpuBackend : Backend
{
    private readonly WorkerPool _pool;
    private readonly KernelTable _kernels;
    private readonly PanelLayout _packed;
    private readonly Multiplier[] _multipliers; // one for each thread of the pool
    private readonly OpenBlas? _blas;
    private GCHandle _multipliersHandle;
    private long _allocatedBytes;

    /// <summary>Makes a backend; <paramref name="options"/> defaults to all cores and no external BLAS.</summary>
    public CpuBackend(CpuBackendOptions? options = null)
    {
        options ??= new CpuBackendOptions();
        ArgumentOutOfRangeException.ThrowIfNegative(options.Threads);
        Threads = options.Threads == 0 ? Environment.ProcessorCount : options.Threads;
        _blas = options.Blas == CpuBlas.OpenBlas ? OpenBlas.Load(Threads) : null;
        _pool = new WorkerPool(Threads);
        _kernels = KernelTable.Choose(options.MaxVectorBits);
        _packed = new PanelLayout(_blas is null ? _kernels.Width : 1);
        _multipliers = new Multiplier[Threads];
        for (int i = 0; i < Threads; i++) _multipliers[i] = new Multiplier(_kernels);
        _multipliersHandle = GCHandle.Alloc(_multipliers);
    }

    /// <summary>The number of threads in use.</summary>
    public int Threads { get; }

    /// <inheritdoc/>
    public override string DeviceName =>
        $"cpu: {Threads} {(Threads == 1 ? "thread" : "threads")}, {_kernels.Name}{(_blas is null ? "" : ", OpenBLAS")}";

    /// <inheritdoc/>
    public override DType ActivationType => DType.F32;

    /// <inheritdoc/>
    public override long AllocatedBytes => Interlocked.Read(ref _allocatedBytes);

    /// <inheritdoc/>
    public override long MemoryBytes => GC.GetGCMemoryInfo().TotalAvailableMemoryBytes;

    /// <summary>Bytes of the matrix kernels' scratch, allocated once and not counted in <see cref="AllocatedBytes"/>.</summary>
    public long ScratchBytes => _multipliers.Sum(multiplier => multiplier.Bytes) + (_blas?.ScratchBytes ?? 0);

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
        if (disposing && _multipliersHandle.IsAllocated)
        {
            _pool.Dispose();
            foreach (Multiplier multiplier in _multipliers) multiplier.Dispose();
            _multipliersHandle.Free();
            _blas?.Dispose();
        }
        base.Dispose(disposing);
    }
}
