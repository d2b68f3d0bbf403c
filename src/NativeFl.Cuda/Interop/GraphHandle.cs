using System.Runtime.InteropServices;

namespace NativeFl.Cuda.Interop;

/// <summary>A sequence of launches that the driver has made ready to run as one.</summary>
internal sealed unsafe class GraphHandle : SafeHandle
{
    private readonly HandleCount _count;

    private GraphHandle(nint value, HandleCount count)
        : base(0, ownsHandle: true)
    {
        SetHandle(value);
        _count = count;
        count.Add();
    }

    /// <summary>The native value.</summary>
    public nint Value => handle;

    /// <inheritdoc/>
    public override bool IsInvalid => handle == 0;

    public static GraphHandle Instantiate(nint graph, HandleCount count)
    {
        nint value;
        Status.Check(CudaDriver.cuGraphInstantiateWithFlags(&value, graph, 0), "cuGraphInstantiateWithFlags");
        return new GraphHandle(value, count);
    }

    /// <inheritdoc/>
    protected override bool ReleaseHandle()
    {
        _count.Remove();
        return CudaDriver.cuGraphExecDestroy(handle) == 0;
    }
}
