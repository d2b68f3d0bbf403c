namespace NativeFl.Cuda.Interop;

/// <summary>A mark in a stream that the host can wait for.</summary>
internal sealed unsafe class EventHandle : NativeHandle
{
    private const uint WithoutTiming = 2;

    private EventHandle(nint value, HandleCount count)
        : base(value, count)
    {
    }

    public static EventHandle Create(HandleCount count)
    {
        nint value;
        Status.Check(CudaDriver.cuEventCreate(&value, WithoutTiming), "cuEventCreate");
        return new EventHandle(value, count);
    }

    /// <summary>So many, or none.</summary>
    public static EventHandle[] Create(int number, HandleCount count)
    {
        var events = new List<EventHandle>();
        try
        {
            while (events.Count < number) events.Add(Create(count));
        }
        catch
        {
            foreach (EventHandle made in events) made.Dispose();
            throw;
        }
        return [.. events];
    }

    /// <inheritdoc/>
    protected override int Destroy() => CudaDriver.cuEventDestroy_v2(handle);
}
