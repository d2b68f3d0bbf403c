using System.Diagnostics.CodeAnalysis;
using NativeFl.Cuda.Interop;
using NativeFl.Cuda.Kernels;
using NativeFl.Cuda.Streams;
using NativeFl.Tensors;

namespace NativeFl.Cuda;

/// <summary>
/// The CUDA backend: NativeFl's own kernels on one NVIDIA GPU, f32 or bf16 activations, f32 accumulation. One op a partial file. Ops are
/// enqueued in order and do not wait. One thread calls it at a time.
/// </summary>
public sealed unsafe partial class CudaBackend : Backend
{
    // bf16 tensor cores and asynchronous copies begin with Ampere.
    private const int OldestArchitecture = 80;

    private readonly HandleCount _handles;
    private readonly DeviceProperties _device;
    private readonly ContextHandle _context;
    private readonly CommandQueue _queue;
    private readonly KernelLibrary _kernels;
    private readonly Dictionary<nint, DeviceMemory> _blocks = [];
    private long _allocatedBytes;
    private bool _disposed;

    private CudaBackend(CudaBackendOptions options, DeviceProperties device)
    {
        _handles = new HandleCount();
        _device = device;
        ActivationType = options.ActivationType;
        _cacheFolder = options.KernelCacheFolder;
        _context = ContextHandle.Retain(device.Device, _handles);
        try
        {
            _context.MakeCurrent();
            KernelSources sources = KernelSources.Embedded();
            NvrtcCompiler? compiler = FindCompiler(_handles, out string noCompiler);
            _kernels = new KernelLibrary(
                sources, new PrebuiltKernels(options.CubinFolder, sources), new KernelCache(options.KernelCacheFolder), compiler, noCompiler,
                device.Architecture, _handles);
            _usesWgmma = options.UseWgmma;
            if (_usesWgmma && !(_kernels.Has("attention_wgmma") && _kernels.Has("attention_wgmma_backward")))
            {
                throw new CudaException(
                    "attention with wgmma", 0,
                    $"expected compute capability 9.0 and kernels for it, prebuilt or by NVRTC 12 or newer, got sm_{device.Architecture}, {_kernels.CompilerName}");
            }

            _queue = new CommandQueue(options.UseGraphs, _handles);
            _queue.Products = _blas = OpenBlas(options.UseBlas, _handles, out _noBlas);
            _workspace = BlockHandle.Allocate(WorkspaceBytes, "of workspace", _handles);
            _kernels.Require();
        }
        catch
        {
            Release();
            throw;
        }
    }

    /// <inheritdoc/>
    public override string DeviceName =>
        $"cuda: {_device.Name}, sm_{_device.Architecture}, {_device.Multiprocessors} multiprocessors, {_device.MemoryBytes / (double)(1L << 30):F1} GiB, driver CUDA {_device.DriverText}";

    /// <inheritdoc/>
    public override DType ActivationType { get; }

    /// <inheritdoc/>
    /// <remarks>Eight rows of tiles, so that a product of 2,048 columns has as many tiles as a large GPU multiprocessors; weights pay from about 200 rows on.</remarks>
    public override int FullProductRows => 1024;

    /// <summary>Native objects that are alive, for tests of what is given back.</summary>
    internal HandleCount Handles => _handles;

    /// <summary>Compute capability, 90 for 9.0.</summary>
    internal int Architecture => _device.Architecture;

    private int MultiprocessorCount => _device.Multiprocessors;

    /// <summary>Opens a device.</summary>
    /// <exception cref="RunFailedException">There is none; the message says why.</exception>
    public static CudaBackend Create(CudaBackendOptions? options = null) =>
        TryCreate(options ?? new CudaBackendOptions(), out CudaBackend? backend, out string reason)
            ? backend
            : throw new RunFailedException($"cuda: not available ({reason})");

    /// <summary>Opens a device, or says in a few words why there is none.</summary>
    public static bool TryCreate(CudaBackendOptions options, [NotNullWhen(true)] out CudaBackend? backend, out string reason)
    {
        ArgumentNullException.ThrowIfNull(options);
        if (options.ActivationType is not (DType.F32 or DType.BF16))
            throw new ArgumentException($"activation type: expected F32 or BF16, got {options.ActivationType}", nameof(options));
        backend = null;
        try
        {
            reason = Open(options, out backend);
        }
        catch (CudaException e)
        {
            reason = $"{e.Operation}: {e.DeviceText}";
        }
        return backend is not null;
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (disposing && !_disposed)
        {
            _disposed = true;
            Release();
        }
        base.Dispose(disposing);
    }

    // Also of a constructor that did not come to its end: what it had not made yet is null.
    private void Release()
    {
        _ = CudaDriver.cuCtxSetCurrent(_context.DangerousGetHandle());
        _queue?.Dispose();
        _kernels?.Dispose();
        _blas?.Dispose();
        foreach (DeviceMemory block in _blocks.Values.ToArray()) block.Dispose();
        _workspace?.Dispose();
        _context.Dispose();
    }

    private static string Open(CudaBackendOptions options, out CudaBackend? backend)
    {
        backend = null;
        NativeLibraries.Load(NativeLibraries.Driver, options.LibraryFolder);
        string obstacle = NativeLibraries.Obstacle(NativeLibraries.Driver, CudaDriver.Functions);
        if (obstacle.Length > 0) return obstacle;
        int status = CudaDriver.cuInit(0), devices;
        if (status != 0) return Status.DriverText(status);
        int version = DeviceProperties.ReadDriverVersion();
        if (version < DeviceProperties.OldestDriver)
            return $"the driver serves CUDA {DeviceProperties.VersionText(version)}, which is older than {DeviceProperties.VersionText(DeviceProperties.OldestDriver)}";
        Status.Check(CudaDriver.cuDeviceGetCount(&devices), "cuDeviceGetCount");
        if (devices == 0) return "no CUDA device";
        if (options.Device < 0 || options.Device >= devices) return $"no device {options.Device}: there {(devices == 1 ? "is" : "are")} {devices}";
        DeviceProperties device = DeviceProperties.Read(options.Device, version);
        if (device.Architecture < OldestArchitecture)
            return $"{device.Name} is sm_{device.Architecture}; the kernels need sm_{OldestArchitecture} or newer";
        foreach (string library in new[] { NativeLibraries.Compiler, NativeLibraries.Blas }) NativeLibraries.Load(library, options.LibraryFolder, version);
        backend = new CudaBackend(options, device);
        return "";
    }

    // An NVRTC that does not serve is as good as none, but why is kept.
    private static NvrtcCompiler? FindCompiler(HandleCount handles, out string reason)
    {
        reason = NativeLibraries.Obstacle(NativeLibraries.Compiler, Nvrtc.Functions);
        if (reason.Length > 0) return null;
        try
        {
            return new NvrtcCompiler(handles);
        }
        catch (CudaException e)
        {
            reason = $"{e.Operation}: {e.DeviceText}";
            return null;
        }
    }
}
