using NativeFl.Cuda.Interop;
using NativeFl.Cuda.Kernels;
using NativeFl.Tensors;

namespace NativeFl.Cuda;

public sealed unsafe partial class CudaBackend
{
    private readonly string _cacheFolder;

    // The oldest that the kernels run on, and what they are tuned for.
    private static IReadOnlyList<KernelTarget> MeasuredTargets { get; } = [new(OldestArchitecture, IsExact: false), new(90, IsExact: false)];

    /// <summary>What this backend works with. Nothing is compiled for it.</summary>
    public CudaReport Describe()
    {
        Enter();
        return new CudaReport(DeviceName, _kernels.CompilerName, ProductsName, _kernels.Names.ToDictionary(name => name, _kernels.Locate), _cacheFolder);
    }

    /// <summary>Loads every kernel that this device can have, compiling what must be, and says what each takes.</summary>
    /// <exception cref="CudaException">One does not compile or load.</exception>
    public IReadOnlyList<KernelReport> InspectKernels()
    {
        Enter();
        List<KernelReport> reports = [];
        foreach (string name in _kernels.Names)
        {
            KernelModule module = _kernels[name];
            foreach (KernelFunction function in _kernels.EntryPoints(name).Select(entry => module[entry]))
            {
                int local = function.LocalBytes;
                var figures = new KernelFigures(function.Entry, function.Threads, function.Registers, function.SharedBytes, local, 0);
                reports.Add(Report(name, module.Target, module.Origin, Architecture, figures) with { SpillBytes = local == 0 ? 0 : null });
            }
        }
        return reports;
    }

    /// <summary>
    /// Compiles every kernel for sm_80 and sm_90, without a device, and says what the compiler's log says that each takes. A kernel that is
    /// written for one target is compiled for that one, if the compiler knows it.
    /// </summary>
    /// <param name="libraryFolder">Where NVRTC is looked for before the system's own places; empty = those only.</param>
    /// <exception cref="RunFailedException">There is no NVRTC.</exception>
    /// <exception cref="CudaException">One does not compile.</exception>
    public static IReadOnlyList<KernelReport> CompileKernels(string libraryFolder = "")
    {
        NativeLibraries.Load(NativeLibraries.Compiler, libraryFolder);
        NvrtcCompiler compiler = FindCompiler(new HandleCount(), out string reason) ?? throw new RunFailedException($"cuda: the kernels cannot be compiled ({reason})");
        return CompileKernels(compiler, KernelSources.Embedded());
    }

    /// <summary>The same of given files.</summary>
    internal static IReadOnlyList<KernelReport> CompileKernels(NvrtcCompiler compiler, KernelSources sources) =>
    [
        .. MeasuredTargets.Union(sources.Targets.Where(compiler.Knows)).SelectMany(target => sources.Names
            .Where(name => sources.Target(name) is { } own ? own == target : MeasuredTargets.Contains(target))
            .SelectMany(name => Measure(compiler, sources, name, target))),
    ];

    private static IEnumerable<KernelReport> Measure(NvrtcCompiler compiler, KernelSources sources, string name, KernelTarget target) =>
        sources.EntryPoints(name).Join(
            compiler.Measure(sources[name], sources.Headers, $"{target}"), entry => entry, figures => figures.Entry,
            (_, figures) => Report(name, $"{target}", KernelOrigin.Compiled, target.Architecture, figures));

    private static KernelReport Report(string name, string target, KernelOrigin origin, int architecture, KernelFigures figures)
    {
        int dynamic = DynamicShared.Of(figures.Entry);
        return new KernelReport(
            name, figures.Entry, target, origin, figures.Threads, figures.Registers, figures.SharedBytes, dynamic, figures.StackBytes, figures.SpillBytes,
            Occupancy.Of(architecture, figures.Threads, figures.Registers, figures.SharedBytes + dynamic));
    }
}
