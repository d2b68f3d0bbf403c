using NativeFl.Tensors.Cpu;

namespace NativeFl.Tests.Tensors;

public sealed unsafe class WorkerPoolTests
{
    [Test]
    public void Every_element_is_visited_once_in_pieces_that_ignore_the_thread_count(
        [Values(1, 2, 3)] int threads, [Values(1, 7, 64, 1000)] int count, [Values(1, 3, 64)] int grain)
    {
        using var pool = new WorkerPool(threads);
        for (int repeat = 0; repeat < 50; repeat++)
        {
            int[] visits = new int[count];
            int[] ends = new int[count];
            pool.Run(count, grain, (start, end) =>
            {
                ends[start] = end;
                for (int i = start; i < end; i++) Interlocked.Increment(ref visits[i]);
            });
            Assert.That(visits, Is.All.EqualTo(1));
            for (int start = 0; start < count; start += grain) Assert.That(ends[start], Is.EqualTo(Math.Min(count, start + grain)));
        }
    }

    [Test]
    public void Nothing_is_run_for_no_elements()
    {
        using var pool = new WorkerPool(2);
        Assert.That(() => pool.Run(0, 1, (_, _) => throw new InvalidOperationException()), Throws.Nothing);
    }

    [Test]
    public void An_exception_in_a_body_reaches_the_caller_and_the_pool_lives_on([Values(1, 2, 3)] int threads)
    {
        using var pool = new WorkerPool(threads);
        for (int repeat = 0; repeat < 20; repeat++)
        {
            int bad = repeat;
            Assert.That(
                () => pool.Run(20, 1, (_, _) => throw new FormatException($"piece {bad}")),
                Throws.TypeOf<FormatException>().With.Message.EqualTo($"piece {bad}"));
            int sum = 0;
            pool.Run(20, 1, (start, _) => Interlocked.Add(ref sum, start));
            Assert.That(sum, Is.EqualTo(190));
        }
    }

    [Test]
    public void A_job_inside_a_job_runs_in_place([Values(1, 2, 3)] int threads)
    {
        using var pool = new WorkerPool(threads);
        int sum = 0;
        pool.Run(8, 1, (_, _) =>
        {
            int thread = Environment.CurrentManagedThreadId;
            pool.Run(8, 2, (start, end) =>
            {
                Assert.That(Environment.CurrentManagedThreadId, Is.EqualTo(thread));
                Interlocked.Add(ref sum, end - start);
            });
        });
        Assert.That(sum, Is.EqualTo(64));
    }

    [Test]
    public void A_second_thread_is_refused_while_a_job_runs()
    {
        using var pool = new WorkerPool(2);
        Exception? refused = null;
        pool.Run(1 << 20, 1 << 19, (start, _) =>
        {
            if (start != 0) return;
            var other = new Thread(() =>
            {
                try
                {
                    pool.Run(2, 1, (_, _) => { });
                }
                catch (InvalidOperationException error)
                {
                    refused = error;
                }
            });
            other.Start();
            other.Join();
        });
        Assert.That(refused, Is.Not.Null.And.Message.Contains("two threads at once"));
    }

    [Test]
    public void Workers_that_fell_asleep_are_woken()
    {
        using var pool = new WorkerPool(3);
        for (int repeat = 0; repeat < 5; repeat++)
        {
            Thread.Sleep(20);
            using var all = new CountdownEvent(3);
            // Each of three items waits for the other two, so the job ends only if all three threads take part.
            pool.Run(3, 1, (_, _) =>
            {
                all.Signal();
                Assert.That(all.Wait(TimeSpan.FromSeconds(30)), Is.True);
            });
        }
    }

    [Test]
    public void Two_running_items_never_share_a_worker_number([Values(1, 2, 3)] int threads)
    {
        using var pool = new WorkerPool(threads);
        int* busy = stackalloc int[16];
        new Span<int>(busy, 16).Clear();
        pool.Run(500, &Enter, busy);
        Assert.That(busy[15], Is.Zero, "two items had the same worker number");
        Assert.That(busy[14], Is.EqualTo(500));

        static void Enter(void* context, int item, int worker)
        {
            int* busy = (int*)context;
            if (Interlocked.Increment(ref busy[worker]) != 1) busy[15] = 1;
            Thread.SpinWait(50);
            Interlocked.Decrement(ref busy[worker]);
            Interlocked.Increment(ref busy[14]);
        }
    }
}
