using NativeFl.Cuda.Interop;
using NativeFl.Cuda.Kernels;
using NativeFl.Tensors;

namespace NativeFl.Cuda;

public sealed unsafe partial class CudaBackend
{
    private readonly string _cacheFolder;

    // The oldest that the kernels run on, and what they are tuned for.
    private static IReadOnlyList<string> MeasuredTargets { get; } = [$"sm_{OldestArchitecture}", "sm_90"];

    /// <summary>What this backend works with. Nothing is compiled for it.</summary>
    public CudaReport Describe()
    {
        Enter();
        return new CudaReport(DeviceName, _kernels.CompilerName, ProductsName, _kernels.Names.ToDictionary(name => name, _kernels.Locate), _cacheFolder);
    }

    /// <summary>Loads every kernel, compiling what must be, and says what each takes.</summary>
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
                reports.Add(new KernelReport(
                    name, function.Entry, module.Target, module.Origin, function.Registers, function.SharedBytes, _kernels.DynamicSharedBytes(name),
                    local, local == 0 ? 0 : null));
            }
        }
        return reports;
    }

    /// <summary>Compiles every kernel for sm_80 and sm_90, without a device, and says what the compiler's log says that each takes.</summary>
    /// <param name="libraryFolder">Where NVRTC is looked for before the system's own places; empty = those only.</param>
    /// <exception cref="RunFailedException">There is no NVRTC.</exception>
    /// <exception cref="CudaException">One does not compile.</exception>
    public static IReadOnlyList<KernelReport> CompileKernels(string libraryFolder = "")
    {
        NativeLibraries.Load(NativeLibraries.Compiler, libraryFolder);
        NvrtcCompiler compiler = FindCompiler(new HandleCount(), out string reason) ?? throw new RunFailedException($"cuda: the kernels cannot be compiled ({reason})");
        KernelSources sources = KernelSources.Embedded();
        return [.. MeasuredTargets.SelectMany(target => sources.Names.SelectMany(name => Measure(compiler, sources, name, target)))];
    }

    private static IEnumerable<KernelReport> Measure(NvrtcCompiler compiler, KernelSources sources, string name, string target) =>
        sources.EntryPoints(name).Join(
            compiler.Measure(sources[name], sources.Headers, target), entry => entry, figures => figures.Entry,
            (entry, figures) => new KernelReport(
                name, entry, target, KernelOrigin.Compiled, figures.Registers, figures.SharedBytes, sources.DynamicSharedBytes(name),
                figures.StackBytes, figures.SpillBytes));
}
