using NativeFl.Cuda.Interop;

namespace NativeFl.Cuda.Kernels;

/// <summary>One entry point. Its handle lives as long as the module.</summary>
internal sealed unsafe class KernelFunction(string entry, nint handle)
{
    private const int MostThreads = 0, StaticShared = 1, Local = 3, RegisterCount = 4, MaxDynamicShared = 8;

    // What every kernel may use without asking.
    private int _dynamicShared = 48 << 10;

    /// <summary>The entry point's name.</summary>
    public string Entry { get; } = entry;

    /// <summary>The driver's handle.</summary>
    public nint Handle { get; } = handle;

    /// <summary>The most threads of a block.</summary>
    public int Threads => Attribute(MostThreads);

    /// <summary>Registers of a thread.</summary>
    public int Registers => Attribute(RegisterCount);

    /// <summary>Bytes of static shared memory of a block.</summary>
    public int SharedBytes => Attribute(StaticShared);

    /// <summary>Bytes of local memory of a thread: spilled registers and indexed arrays.</summary>
    public int LocalBytes => Attribute(Local);

    /// <summary>Lets launches use so much dynamic shared memory.</summary>
    public void AllowDynamicShared(int bytes)
    {
        if (bytes <= _dynamicShared) return;
        Status.Check(CudaDriver.cuFuncSetAttribute(Handle, MaxDynamicShared, bytes), $"{Entry}: {bytes} bytes of shared memory");
        _dynamicShared = bytes;
    }

    private int Attribute(int attribute)
    {
        int value;
        Status.Check(CudaDriver.cuFuncGetAttribute(&value, attribute, Handle), $"cuFuncGetAttribute of {Entry}");
        return value;
    }
}
