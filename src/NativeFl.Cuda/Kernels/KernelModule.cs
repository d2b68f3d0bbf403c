using System.Text;
using NativeFl.Cuda.Interop;

namespace NativeFl.Cuda.Kernels;

/// <summary>The loaded machine code of one kernel file.</summary>
internal sealed unsafe class KernelModule(string name, LoadedModule module, KernelOrigin origin, string target) : IDisposable
{
    private readonly Dictionary<string, KernelFunction> _functions = [];

    /// <summary>The file, such as "rms_norm".</summary>
    public string Name { get; } = name;

    /// <summary>Where the code came from.</summary>
    public KernelOrigin Origin { get; } = origin;

    /// <summary>What it was compiled for, such as "sm_90".</summary>
    public string Target { get; } = target;

    /// <summary>An entry point by its name.</summary>
    public KernelFunction this[string entry]
    {
        get
        {
            if (!_functions.TryGetValue(entry, out KernelFunction? function))
            {
                function = new KernelFunction(entry, Find(entry));
                _functions.Add(entry, function);
            }
            return function;
        }
    }

    /// <inheritdoc/>
    public void Dispose() => module.Dispose();

    private nint Find(string entry)
    {
        nint function;
        fixed (byte* text = Encoding.UTF8.GetBytes(entry + '\0'))
            Status.Check(CudaDriver.cuModuleGetFunction(&function, module.Value, text), $"find {entry} in kernels/{Name}.cu");
        return function;
    }
}
