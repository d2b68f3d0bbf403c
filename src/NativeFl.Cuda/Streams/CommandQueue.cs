using NativeFl.Cuda.Interop;
using NativeFl.Cuda.Kernels;
using NativeFl.Cuda.Products;

namespace NativeFl.Cuda.Streams;

/// <summary>
/// Everything that a backend asks of its device, in order. Outside a recording a command is enqueued at once. Inside one it is written
/// down; at the end of the recording the whole list is enqueued, as one graph if the same list has come before. Host data (uploads,
/// descriptors) goes to fixed places of one device block, filled just before the list runs, so that the list itself stays the same.
/// </summary>
internal sealed unsafe class CommandQueue : IDisposable
{
    // Below this a graph saves nothing.
    private const int SmallestGraph = 4;

    // The keys of cuLaunchKernel's extra list, and CU_STREAM_CAPTURE_MODE_THREAD_LOCAL.
    private const int BufferPointer = 1, BufferSize = 2, ThreadLocalCapture = 1;

    // The device block that host data goes to: the descriptors of all ops of a long step.
    private const int RegionBytes = 16 << 20;

    // Wide enough for any vector load.
    private const int StageAlignment = 256;

    private readonly HandleCount _count;
    private readonly StreamHandle _stream;
    private readonly StagingRing _ring;
    private readonly Download _download;
    private readonly GraphCache _graphs = new();
    private readonly CommandList _list = new();
    private readonly Dictionary<nint, string> _names = [];
    private byte[] _recordedStage = [];
    private readonly bool _useGraphs;
    private readonly BlockHandle _stage;
    private int _stageOffset;
    private bool _isRecording;
    private string _last = "nothing";

    /// <summary>A queue of the current context.</summary>
    public CommandQueue(bool useGraphs, HandleCount count)
    {
        _useGraphs = useGraphs;
        _count = count;
        _stream = StreamHandle.Create(count);
        try
        {
            _ring = new StagingRing(_stream.Value, count);
            _download = new Download(_stream.Value, count);
            _stage = BlockHandle.Allocate(RegionBytes, "for descriptors", count);
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>The most that one op may stage in all.</summary>
    public const int StageBytes = RegionBytes / 4;

    /// <summary>The driver's stream.</summary>
    public nint Stream => _stream.Value;

    /// <summary>Who carries out product commands; there are none before it is set.</summary>
    public BlasProducts? Products { get; set; }

    /// <summary>Told the name of every command that is asked for, a kernel's being its entry point's.</summary>
    public Action<string>? Journal { get; set; }

    /// <summary>Graphs made so far and kept.</summary>
    public int Graphs => _graphs.Graphs;

    /// <summary>Starts a kernel.</summary>
    public void Launch(KernelFunction function, LaunchShape shape, ReadOnlySpan<byte> arguments)
    {
        function.AllowDynamicShared(shape.SharedBytes);
        _last = function.Entry;
        _names.TryAdd(function.Handle, function.Entry);
        Journal?.Invoke(function.Entry);
        if (_isRecording) _list.AddLaunch(function.Handle, shape, arguments);
        else Issue(Command.Launch(function.Handle, shape, 0, arguments.Length), arguments);
    }

    /// <summary>Copies or fills device memory.</summary>
    public void Enqueue(Command command)
    {
        Journal?.Invoke(command.Kind.ToString());
        if (_isRecording) _list.Add(command);
        else Issue(command, default);
    }

    /// <summary>Copies host data to a block of the device where it stays until three times <see cref="StageBytes"/> more have been staged.</summary>
    public nint Stage(ReadOnlySpan<byte> data)
    {
        if (data.Length > StageBytes) throw new ArgumentException($"data: expected at most {StageBytes} bytes to stage at once, got {data.Length}", nameof(data));
        if (_stageOffset + data.Length > RegionBytes)
        {
            // The rest of this op must not fall on its own earlier data, so the recording cannot begin anew: it ends.
            if (_isRecording) IssueRecorded(replay: false);
            _isRecording = false;
            _stageOffset = 0;
        }
        int start = _stageOffset;
        _stageOffset += (data.Length + StageAlignment - 1) / StageAlignment * StageAlignment;
        if (_isRecording) Record(data, start);
        else Send(data, _stage.Value + start);
        return _stage.Value + start;
    }

    /// <summary>Copies host data to the device; the data is free at once.</summary>
    public void Upload(ReadOnlySpan<byte> data, nint destination)
    {
        if (_isRecording && data.Length <= StageBytes && data.Length <= RegionBytes - _stageOffset)
        {
            Enqueue(Command.Copy(Stage(data), destination, data.Length));
            return;
        }
        Flush();
        Send(data, destination);
    }

    /// <summary>Copies to the host and waits for it, and for everything before.</summary>
    public void Download(nint source, Span<byte> data)
    {
        Flush();
        fixed (byte* start = data) _download.Receive(source, start, data.Length, $"copy {data.Length} bytes to the host after {_last}");
    }

    /// <summary>Waits for everything so far.</summary>
    public void Synchronize()
    {
        Flush();
        Status.Check(CudaDriver.cuStreamSynchronize(_stream.Value), $"wait for the device after {_last}");
    }

    /// <summary>Enqueues what is recorded so far; a recording goes on with an empty list.</summary>
    public void Flush()
    {
        if (_isRecording) IssueRecorded(replay: true);
    }

    /// <summary>Runs <paramref name="step"/> as a recording. If it throws, what it recorded last does not run.</summary>
    public void Replay(Action step)
    {
        if (!_useGraphs || _isRecording)
        {
            step();
            return;
        }
        _stageOffset = 0;
        _isRecording = true;
        try
        {
            step();
            Flush();
        }
        finally
        {
            _isRecording = false;
            _list.Clear();
        }
    }

    // Also of a constructor that did not come to its end: what it had not made yet is null.
    public void Dispose()
    {
        _isRecording = false;
        _ = CudaDriver.cuStreamSynchronize(_stream.Value);
        _graphs.Dispose();
        _download?.Dispose();
        _ring?.Dispose();
        _stream.Dispose();
        _stage?.Dispose();
    }

    private void Record(ReadOnlySpan<byte> data, int start)
    {
        if (_recordedStage.Length < _stageOffset) Array.Resize(ref _recordedStage, Math.Min(RegionBytes, Math.Max(_stageOffset, 2 * _recordedStage.Length)));
        data.CopyTo(_recordedStage.AsSpan(start));
    }

    private void Send(ReadOnlySpan<byte> data, nint destination)
    {
        fixed (byte* start = data)
        {
            for (int sent = 0; sent < data.Length; sent += StagingRing.ChunkBytes)
                _ring.Send(start + sent, Math.Min(StagingRing.ChunkBytes, data.Length - sent), destination + sent);
        }
    }

    private void IssueRecorded(bool replay)
    {
        if (_stageOffset > 0) Send(_recordedStage.AsSpan(0, _stageOffset), _stage.Value);
        _stageOffset = 0;
        GraphHandle? graph = replay && _list.Commands.Length >= SmallestGraph ? _graphs.Find(_list, Capture) : null;
        if (graph is null) IssueAll();
        else Status.Check(CudaDriver.cuGraphLaunch(graph.Value, _stream.Value), $"launch a graph of {_list.Commands.Length} commands that ends in {_last}");
        _list.Clear();
    }

    private GraphHandle Capture()
    {
        nint graph = 0;
        Status.Check(CudaDriver.cuStreamBeginCapture_v2(_stream.Value, ThreadLocalCapture), "cuStreamBeginCapture");
        try
        {
            try
            {
                IssueAll();
            }
            finally
            {
                Status.Check(CudaDriver.cuStreamEndCapture(_stream.Value, &graph), "cuStreamEndCapture");
            }
            return GraphHandle.Instantiate(graph, _count);
        }
        finally
        {
            if (graph != 0) _ = CudaDriver.cuGraphDestroy(graph);
        }
    }

    private void IssueAll()
    {
        foreach (ref readonly Command command in _list.Commands) Issue(command, _list.Arguments(command));
    }

    private void Issue(in Command command, ReadOnlySpan<byte> arguments)
    {
        switch (command.Kind)
        {
            case CommandKind.Launch:
                IssueLaunch(command, arguments);
                break;
            case CommandKind.Copy:
                Status.Check(CudaDriver.cuMemcpyDtoDAsync_v2(command.Target, (nint)command.First, (nuint)command.Second, _stream.Value), "cuMemcpyDtoDAsync");
                break;
            case CommandKind.Product:
                Products!.Enqueue((int)command.Target, (nint)command.First, (nint)command.Second, (nint)command.Third, command.Fourth != 0, _stream.Value);
                break;
            default:
                IssueFill(command);
                break;
        }
    }

    private void IssueLaunch(in Command command, ReadOnlySpan<byte> arguments)
    {
        nuint size = (nuint)arguments.Length;
        fixed (byte* block = arguments)
        {
            void** extra = stackalloc void*[] { (void*)BufferPointer, block, (void*)BufferSize, &size, null };
            int status = CudaDriver.cuLaunchKernel(
                command.Target, (uint)command.First, (uint)command.Second, (uint)(command.Second >> 32), (uint)command.Third, 1, 1,
                (uint)command.Fourth, _stream.Value, null, extra);
            if (status != 0) Status.Check(status, $"launch {_names[command.Target]}");
        }
    }

    private void IssueFill(in Command command)
    {
        nuint count = (nuint)command.Third;
        int status = command.Second switch
        {
            1 => CudaDriver.cuMemsetD8Async(command.Target, (byte)command.First, count, _stream.Value),
            2 => CudaDriver.cuMemsetD16Async(command.Target, (ushort)command.First, count, _stream.Value),
            _ => CudaDriver.cuMemsetD32Async(command.Target, (uint)command.First, count, _stream.Value),
        };
        Status.Check(status, "cuMemsetAsync");
    }
}
