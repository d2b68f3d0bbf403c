namespace NativeFl.Cuda.Interop;

/// <summary>A sequence of launches that the driver has made ready to run as one.</summary>
internal sealed unsafe class GraphHandle : NativeHandle
{
    private GraphHandle(nint value, HandleCount count)
        : base(value, count)
    {
    }

    public static GraphHandle Instantiate(nint graph, HandleCount count)
    {
        nint value;
        Status.Check(CudaDriver.cuGraphInstantiateWithFlags(&value, graph, 0), "cuGraphInstantiateWithFlags");
        return new GraphHandle(value, count);
    }

    /// <inheritdoc/>
    protected override int Destroy() => CudaDriver.cuGraphExecDestroy(handle);
}
