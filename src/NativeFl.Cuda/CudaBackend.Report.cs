using NativeFl.Cuda.Kernels;

namespace NativeFl.Cuda;

public sealed unsafe partial class CudaBackend
{
    private readonly string _cacheFolder;

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
                reports.Add(new KernelReport(name, function.Entry, module.Target, module.Origin, function.Registers, function.SharedBytes, function.LocalBytes));
        }
        return reports;
    }
}
