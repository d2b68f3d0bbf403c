using NativeFl.Cuda.Interop;

namespace NativeFl.Cuda.Kernels;

/// <summary>
/// The kernels of one backend, each file loaded at its first launch: a cubin of the build, else one that this machine has compiled
/// before, else NVRTC.
/// </summary>
internal sealed class KernelLibrary(
    KernelSources sources, PrebuiltKernels prebuilt, KernelCache cache, Func<IKernelCompiler> findCompiler, int architecture, HandleCount count) : IDisposable
{
    // What lineinfo costs is disk; what it gives is the line in compute-sanitizer and Nsight.
    private static readonly string[] Options = ["-std=c++17", "--generate-line-info"];

    private readonly Dictionary<string, KernelModule> _modules = [];
    private readonly Lazy<IKernelCompiler> _compiler = new(findCompiler, isThreadSafe: false);

    /// <summary>The names of all kernel files.</summary>
    public IEnumerable<string> Names => sources.Names;

    /// <summary>The modules loaded so far.</summary>
    public IReadOnlyCollection<KernelModule> Loaded => _modules.Values;

    /// <summary>The module of a file such as "rms_norm".</summary>
    public KernelModule this[string name]
    {
        get
        {
            if (!_modules.TryGetValue(name, out KernelModule? module))
            {
                module = Load(name);
                _modules.Add(name, module);
            }
            return module;
        }
    }

    /// <summary>The entry points of a file.</summary>
    public IReadOnlyList<string> EntryPoints(string name) => sources.EntryPoints(name);

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (KernelModule module in _modules.Values) module.Dispose();
        _modules.Clear();
    }

    private KernelModule Load(string name)
    {
        KernelSource source = sources[name];
        string own = $"sm_{architecture}";
        if (prebuilt.Read(name, architecture) is { } cubin && TryLoad(name, cubin, KernelOrigin.Prebuilt, own, out _) is { } ready) return ready;

        IKernelCompiler compiler = _compiler.Value;
        string target = Target(compiler);
        byte[] key = KernelCache.Key(source, sources.Headers, Options, compiler.Version, target);
        if (cache.Read(name, key) is { } cached && TryLoad(name, cached, KernelOrigin.Cached, target, out _) is { } kept) return kept;

        byte[] image = compiler.Compile(source, sources.Headers, target, Options);
        KernelModule? module = TryLoad(name, image, KernelOrigin.Compiled, target, out int status);
        if (module is null)
            throw new CudaException($"load kernels/{name}.cu, compiled by {compiler.Version} for {target}", status, Status.DriverText(status));
        cache.Write(name, key, image);
        return module;
    }

    // An image that the driver refuses (made for a newer driver, or damaged) is as good as none.
    private KernelModule? TryLoad(string name, byte[] image, KernelOrigin origin, string target, out int status) =>
        LoadedModule.TryLoad(image, count, out status) is { } module ? new KernelModule(name, module, origin, target) : null;

    /// <summary>The device's own machine code if the compiler knows it, else the newest PTX below, which the driver finishes.</summary>
    private string Target(IKernelCompiler compiler)
    {
        if (compiler.Architectures.Contains(architecture)) return $"sm_{architecture}";
        int[] older = [.. compiler.Architectures.Where(known => known < architecture)];
        if (older.Length > 0) return $"compute_{older.Max()}";
        throw new CudaException(
            $"compile kernels for sm_{architecture}", 0, $"{compiler.Version} knows only sm_{string.Join(", sm_", compiler.Architectures)}; this device needs another NVRTC");
    }
}
