using NativeFl.Cuda.Interop;

namespace NativeFl.Cuda.Kernels;

/// <summary>
/// The kernels of one backend, each file loaded at its first launch: a cubin of the build, else one that this machine has compiled
/// before, else NVRTC. A file written for one target is there only on its devices, and if the build or the compiler knew that target.
/// </summary>
internal sealed class KernelLibrary(
    KernelSources sources, PrebuiltKernels prebuilt, KernelCache cache, IKernelCompiler? compiler, string noCompiler, int architecture, HandleCount count)
    : IDisposable
{
    internal const string Language = "-std=c++17", LineInfo = "--generate-line-info";

    // What lineinfo costs is disk; what it gives is the line in compute-sanitizer and Nsight.
    internal static IReadOnlyList<string> Options { get; } = [Language, LineInfo];

    private readonly Dictionary<string, KernelModule> _modules = [];
    private IReadOnlyList<string>? _names;

    /// <summary>The names of the kernel files that this device can have, in ordinal order.</summary>
    public IReadOnlyList<string> Names => _names ??= [.. sources.Names.Where(CanHave)];

    /// <summary>The compiler, or why there is none.</summary>
    public string CompilerName => compiler?.Version ?? noCompiler;

    /// <summary>Whether this device can have a file: false for one that is written for another target, or that nothing here compiles.</summary>
    public bool Has(string name) => Names.Contains(name);

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

    /// <summary>
    /// Makes sure that the driver takes what there is, before anything depends on it: without a compiler every prebuilt file is loaded, with
    /// one the shortest.
    /// </summary>
    /// <exception cref="CudaException">There is no code for a file, or the driver refuses it.</exception>
    public void Require()
    {
        foreach (string name in compiler is null ? Names : [sources.Shortest]) _ = this[name];
    }

    /// <summary>The entry points of a file.</summary>
    public IReadOnlyList<string> EntryPoints(string name) => sources.EntryPoints(name);

    /// <summary>Where a file's machine code is, as far as can be said without loading it; Compiled = it will be.</summary>
    public KernelOrigin Locate(string name)
    {
        if (_modules.TryGetValue(name, out KernelModule? module)) return module.Origin;
        if (prebuilt.Read(name, Own(name)) is not null) return KernelOrigin.Prebuilt;
        return compiler is not null && Targets(compiler, name).Any(target => cache.Read(name, Key(compiler, name, target)) is not null)
            ? KernelOrigin.Cached
            : KernelOrigin.Compiled;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (KernelModule module in _modules.Values) module.Dispose();
        _modules.Clear();
    }

    private KernelModule Load(string name)
    {
        KernelTarget own = Own(name);
        if (own.Architecture != architecture) throw new CudaException($"load kernels/{name}.cu for sm_{architecture}", 0, $"it is written for {own} alone");
        CudaException? refusal = null;
        if (prebuilt.Read(name, own) is { } cubin && TryLoad(name, cubin, KernelOrigin.Prebuilt, $"{own}", out refusal) is { } ready) return ready;
        if (compiler is null)
        {
            string prebuiltText = refusal is null ? "it is not prebuilt" : $"the driver refuses the prebuilt cubin: {refusal.DeviceText}";
            throw new CudaException($"load kernels/{name}.cu for {own}", refusal?.Status ?? 0, $"{prebuiltText}, and there is no compiler ({noCompiler})");
        }

        IReadOnlyList<string> targets = Targets(compiler, name);
        foreach (string target in targets)
        {
            if (cache.Read(name, Key(compiler, name, target)) is { } cached && TryLoad(name, cached, KernelOrigin.Cached, target, out _) is { } kept) return kept;
        }
        foreach (string target in targets)
        {
            byte[] image = compiler.Compile(sources[name], sources.Headers, target, Options);
            if (TryLoad(name, image, KernelOrigin.Compiled, target, out refusal) is not { } module) continue;
            cache.Write(name, Key(compiler, name, target), image);
            return module;
        }
        throw new CudaException(
            $"load kernels/{name}.cu, compiled by {compiler.Version} for {string.Join(" and ", targets)}", refusal!.Status,
            $"{refusal.DeviceText}; the driver serves CUDA {DeviceProperties.VersionText(DeviceProperties.ReadDriverVersion())} and may refuse what a newer compiler made");
    }

    // An image that the driver refuses (made by a newer toolkit, for another device, or damaged) is as good as none, but why is kept.
    private KernelModule? TryLoad(string name, byte[] image, KernelOrigin origin, string target, out CudaException? refusal)
    {
        LoadedModule? module = LoadedModule.TryLoad(image, count, out int status);
        if (status == Status.OutOfMemory) Status.Check(status, $"load kernels/{name}.cu for {target}");
        refusal = module is null ? new CudaException($"load kernels/{name}.cu for {target}", status, Status.DriverText(status)) : null;
        return module is null ? null : new KernelModule(name, module, origin, target);
    }

    private byte[] Key(IKernelCompiler known, string name, string target) => KernelCache.Key(sources[name], sources.Headers, Options, known.Version, target);

    // What nothing here compiles depends on the driver taking the build's cubin.
    private bool CanHave(string name)
    {
        if (sources.Target(name) is not { } target) return true;
        if (target.Architecture != architecture) return false;
        if (compiler?.Knows(target) == true || _modules.ContainsKey(name)) return true;
        if (prebuilt.Read(name, target) is not { } cubin || TryLoad(name, cubin, KernelOrigin.Prebuilt, $"{target}", out _) is not { } module) return false;
        _modules.Add(name, module);
        return true;
    }

    // What the file is written for, else this device's machine code.
    private KernelTarget Own(string name) => sources.Target(name) ?? new KernelTarget(architecture, IsExact: false);

    /// <summary>
    /// What the file is written for, if anything. Else the device's own machine code if the compiler knows it. Else the newest PTX below, which
    /// the driver finishes; should it refuse (it is older than the compiler, or has no compiler of its own), then machine code of the same
    /// generation, which newer members of it run.
    /// </summary>
    private IReadOnlyList<string> Targets(IKernelCompiler known, string name)
    {
        if (sources.Target(name) is { } target)
            return known.Knows(target) ? [$"{target}"] : throw new CudaException($"compile kernels/{name}.cu for {target}", 0, $"{known.Version} does not know that target");
        if (known.Architectures.Contains(architecture)) return [$"sm_{architecture}"];
        int[] older = [.. known.Architectures.Where(other => other < architecture)];
        if (older.Length > 0) return older.Max() / 10 == architecture / 10 ? [$"compute_{older.Max()}", $"sm_{older.Max()}"] : [$"compute_{older.Max()}"];
        throw new CudaException(
            $"compile kernels for sm_{architecture}", 0, $"{known.Version} knows only sm_{string.Join(", sm_", known.Architectures)}; this device needs another NVRTC");
    }
}
