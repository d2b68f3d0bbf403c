using NativeFl.Cuda.Interop;

namespace NativeFl.Cuda.Kernels;

/// <summary>
/// The kernels of one backend, each file loaded at its first launch: a cubin of the build, else one that this machine has compiled
/// before, else NVRTC.
/// </summary>
internal sealed class KernelLibrary(
    KernelSources sources, PrebuiltKernels prebuilt, KernelCache cache, IKernelCompiler? compiler, string noCompiler, int architecture, HandleCount count)
    : IDisposable
{
    // What lineinfo costs is disk; what it gives is the line in compute-sanitizer and Nsight.
    internal static IReadOnlyList<string> Options { get; } = ["-std=c++17", "--generate-line-info"];

    private readonly Dictionary<string, KernelModule> _modules = [];

    /// <summary>The names of all kernel files.</summary>
    public IEnumerable<string> Names => sources.Names;

    /// <summary>The compiler, or why there is none.</summary>
    public string CompilerName => compiler?.Version ?? noCompiler;

    /// <summary>True if every file is prebuilt or could be compiled.</summary>
    public bool IsComplete => compiler is not null || Names.All(name => prebuilt.Read(name, architecture) is not null);

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

    /// <summary>Where a file's machine code is, as far as can be said without loading it; Compiled = it will be.</summary>
    public KernelOrigin Locate(string name)
    {
        if (_modules.TryGetValue(name, out KernelModule? module)) return module.Origin;
        if (prebuilt.Read(name, architecture) is not null) return KernelOrigin.Prebuilt;
        if (compiler is null) return KernelOrigin.Compiled;
        byte[] key = KernelCache.Key(sources[name], sources.Headers, Options, compiler.Version, Target(compiler));
        return cache.Read(name, key) is not null ? KernelOrigin.Cached : KernelOrigin.Compiled;
    }

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

        if (compiler is null) throw new CudaException($"find kernels/{name}.cu for {own}", 0, $"it is not prebuilt, and there is no compiler ({noCompiler})");
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
    private string Target(IKernelCompiler known)
    {
        if (known.Architectures.Contains(architecture)) return $"sm_{architecture}";
        int[] older = [.. known.Architectures.Where(other => other < architecture)];
        if (older.Length > 0) return $"compute_{older.Max()}";
        throw new CudaException(
            $"compile kernels for sm_{architecture}", 0, $"{known.Version} knows only sm_{string.Join(", sm_", known.Architectures)}; this device needs another NVRTC");
    }
}
