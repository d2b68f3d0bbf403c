using System.Diagnostics;
using System.Runtime.ExceptionServices;

namespace NativeFl.Tensors.Cpu;

/// <summary>
/// The threads of one backend. A job is a number of items; the caller and the workers claim items one by one from a counter, so a
/// worker that wakes late, or never, holds nobody up. Which thread runs an item must not show in the result.
/// </summary>
/// <remarks>
/// One thread uses a pool at a time; a job started inside an item of another runs in place, on that item's thread. Idle workers
/// spin for <see cref="SpinTicks"/>, which bridges the gap between two ops, and then sleep.
/// </remarks>
internal sealed unsafe class WorkerPool : IDisposable
{
    // 30 microseconds: longer than the serial part between two ops, shorter than a sleep and a wake-up cost together.
    private static readonly long SpinTicks = Stopwatch.Frequency * 30 / 1_000_000;

    private readonly Thread[] _threads;
    private readonly Lock _wake = new();
    private readonly SemaphoreSlim _sleepers = new(0);
    private int _sleeping;
    private int _owner; // managed id of the thread whose job is running; 0 = none
    private volatile bool _stopping;

    // The open job. Written only while no item is unclaimed (remaining = 0), read before an item is claimed: a claim that succeeds
    // proves that the generation, and with it every field, is still the one that was read.
    private delegate*<void*, int, int, void> _function;
    private void* _context;
    private Action<int, int>? _body;
    private int _count;
    private int _grain;
    private int _items;
    private long _state; // generation << 32 | items not yet claimed
    private int _done;
    private ExceptionDispatchInfo? _failure;

    /// <summary>Starts <paramref name="threads"/> − 1 workers; the caller of a job is the remaining one.</summary>
    public WorkerPool(int threads)
    {
        _threads = new Thread[threads - 1];
        for (int i = 0; i < _threads.Length; i++)
        {
            int worker = i + 1;
            _threads[i] = new Thread(() => Work(worker)) { IsBackground = true, Name = $"nativefl-{worker}" };
        }
        foreach (Thread thread in _threads) thread.Start();
    }

    /// <summary>Threads that run items, the caller included.</summary>
    public int Threads => _threads.Length + 1;

    /// <summary>Runs body(start, end) over [0, count) in pieces of <paramref name="grain"/>, whatever the number of threads.</summary>
    public void Run(int count, int grain, Action<int, int> body)
    {
        if (count <= 0) return;
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(grain);
        int items = (int)(((long)count + grain - 1) / grain);
        if (_threads.Length == 0 || items == 1 || !TryOwn())
        {
            for (long start = 0; start < count; start += grain) body((int)start, (int)Math.Min(count, start + grain));
            return;
        }
        _body = body;
        _count = count;
        _grain = grain;
        Run(items);
        _body = null;
        Release();
    }

    /// <summary>Runs function(context, item, worker) for each item; the worker, below <see cref="Threads"/>, is whose scratch to use.</summary>
    public void Run(int items, delegate*<void*, int, int, void> function, void* context)
    {
        if (items <= 0) return;
        if (_threads.Length == 0 || items == 1 || !TryOwn())
        {
            int worker = CurrentWorker();
            for (int i = 0; i < items; i++) function(context, i, worker);
            return;
        }
        _function = function;
        _context = context;
        Run(items);
        Release();
    }

    /// <summary>The number of the pool thread that calls, 0 for any other.</summary>
    public int CurrentWorker()
    {
        Thread current = Thread.CurrentThread;
        for (int i = 0; i < _threads.Length; i++)
        {
            if (ReferenceEquals(_threads[i], current)) return i + 1;
        }
        return 0;
    }

    /// <summary>Ends the workers.</summary>
    public void Dispose()
    {
        if (_stopping) return;
        _stopping = true;
        WakeSleepers();
        foreach (Thread thread in _threads) thread.Join();
        _sleepers.Dispose();
    }

    private bool TryOwn()
    {
        int id = Environment.CurrentManagedThreadId;
        int owner = Interlocked.CompareExchange(ref _owner, id, 0);
        if (owner == 0) return true;
        if (owner != id && CurrentWorker() == 0) throw new InvalidOperationException("a CPU backend was used by two threads at once");
        return false;
    }

    private void Release()
    {
        ExceptionDispatchInfo? failure = _failure;
        _failure = null;
        Volatile.Write(ref _owner, 0);
        failure?.Throw();
    }

    private void Run(int items)
    {
        _items = items;
        _done = 0;
        long generation = (_state >> 32) + 1;
        Interlocked.Exchange(ref _state, (generation << 32) | (uint)items);
        if (Volatile.Read(ref _sleeping) != 0) WakeSleepers();

        while (RunOne(0))
        {
        }
        var spinner = new SpinWait();
        while (Volatile.Read(ref _done) != items)
        {
            // A worker holds the last item; yield now and then in case it waits for this core.
            spinner.SpinOnce(sleep1Threshold: -1);
        }
    }

    /// <summary>Claims and runs one item of the open job; false when none is left.</summary>
    private bool RunOne(int worker)
    {
        long state = Volatile.Read(ref _state);
        if ((uint)state == 0) return false;
        Action<int, int>? body = _body;
        delegate*<void*, int, int, void> function = _function;
        void* context = _context;
        int items = _items, count = _count, grain = _grain;
        if (Interlocked.CompareExchange(ref _state, state - 1, state) != state) return true;

        int item = items - (int)(uint)state;
        try
        {
            if (Volatile.Read(ref _failure) is null)
            {
                if (body is null) function(context, item, worker);
                else body(item * grain, (int)Math.Min(count, (item + 1L) * grain));
            }
        }
        catch (Exception error) when (Record(error))
        {
            // Thrown again by the caller of the job.
        }
        Interlocked.Increment(ref _done);
        return true;
    }

    private bool Record(Exception error)
    {
        Interlocked.CompareExchange(ref _failure, ExceptionDispatchInfo.Capture(error), null);
        return true;
    }

    private void Work(int worker)
    {
        while (!_stopping)
        {
            if (RunOne(worker)) continue;
            long deadline = Stopwatch.GetTimestamp() + SpinTicks;
            while ((uint)Volatile.Read(ref _state) == 0 && !_stopping)
            {
                Thread.SpinWait(8);
                if (Stopwatch.GetTimestamp() > deadline) Sleep();
            }
        }
    }

    private void Sleep()
    {
        // Announce first, look again second: a job opened in between either sees the sleeper or is seen by it.
        Interlocked.Increment(ref _sleeping);
        while ((uint)Interlocked.Read(ref _state) == 0 && !_stopping) _sleepers.Wait();
        Interlocked.Decrement(ref _sleeping);
    }

    private void WakeSleepers()
    {
        lock (_wake)
        {
            int asleep = Volatile.Read(ref _sleeping) - _sleepers.CurrentCount;
            if (asleep > 0) _sleepers.Release(asleep);
        }
    }
}
