namespace NativeFl.Tensors.Cpu;

public sealed unsafe partial class CpuBackend
{
    /// <inheritdoc/>
    /// <remarks>
    /// A task is (span, key head, tile of queries); see <see cref="AttentionForwardTile"/> for the method. Rows of o and lse that no span
    /// covers become 0. Cost: 4 D operations a visible (query, key, head); bound by arithmetic.
    /// </remarks>
    public override void AttentionForward(
        TensorView q, TensorView k, TensorView v, ReadOnlySpan<AttentionSpan> spans, AttentionShape shape, TensorView o, TensorView lse)
    {
        AttentionCheck(q, k, v, spans, shape);
        TensorCheck.Is(o, DType.F32, q.Rows, q.Columns);
        TensorCheck.Holds(lse, DType.F32, (long)q.Rows * shape.Heads);
        var problem = new AttentionProblem(shape, q, k, v);
        if (!CoversAllQueries(spans, q.Rows))
        {
            Clear(o);
            Clear(lse);
        }

        int step = problem.QueriesPerTile(AttentionForwardTile.Rows);
        AttentionTask[] tasks = ForwardTasks(spans, shape.KvHeads, step);
        float* po = (float*)o.Pointer, plse = (float*)lse.Pointer;
        ParallelFor(tasks.Length, 1, (first, end) =>
        {
            using var tile = new AttentionForwardTile(problem);
            for (int t = first; t < end; t++)
            {
                AttentionSpan span = tasks[t].Span;
                tile.Run(span, tasks[t].KvHead, tasks[t].FirstQuery, Math.Min(step, span.QueryCount - tasks[t].FirstQuery), po, plse);
            }
        });
    }

    /// <inheritdoc/>
    /// <remarks>
    /// A task is (span, key head) with all its queries; see <see cref="AttentionBackwardTile"/>. No two spans share a row of k.
    /// Gradients of rows that no span covers become 0. Cost: 10 D operations a visible (query, key, head); bound by arithmetic.
    /// </remarks>
    public override void AttentionBackward(
        TensorView dO, TensorView q, TensorView k, TensorView v, TensorView o, TensorView lse,
        ReadOnlySpan<AttentionSpan> spans, AttentionShape shape, TensorView delta, TensorView dq, TensorView dk, TensorView dv)
    {
        AttentionCheck(q, k, v, spans, shape);
        TensorCheck.Is(dO, DType.F32, q.Rows, q.Columns);
        TensorCheck.Is(o, DType.F32, q.Rows, q.Columns);
        TensorCheck.Is(dq, DType.F32, q.Rows, q.Columns);
        TensorCheck.Is(dk, DType.F32, k.Rows, k.Columns);
        TensorCheck.Is(dv, DType.F32, k.Rows, k.Columns);
        TensorCheck.Holds(lse, DType.F32, (long)q.Rows * shape.Heads);
        TensorCheck.Holds(delta, DType.F32, (long)q.Rows * shape.Heads);
        Clear(dq);
        Clear(dk);
        Clear(dv);
        float* pdo = (float*)dO.Pointer, po = (float*)o.Pointer, pdelta = (float*)delta.Pointer;
        int heads = shape.Heads, width = shape.HeadWidth;
        ParallelFor(q.Rows, RowsPerTask(q.Columns), (first, end) =>
        {
            for (long row = (long)first * heads; row < (long)end * heads; row++) pdelta[row] = Dot(pdo + (row * width), po + (row * width), width);
        });
        var problem = new AttentionProblem(shape, q, k, v);
        var gradients = new AttentionGradients(dO, lse, delta, dq, dk, dv);
        AttentionTask[] tasks = ForwardTasks(spans, shape.KvHeads, int.MaxValue);
        ParallelFor(tasks.Length, 1, (first, end) =>
        {
            using var tile = new AttentionBackwardTile(problem, gradients);
            for (int t = first; t < end; t++) tile.Run(tasks[t].Span, tasks[t].KvHead);
        });
    }

    /// <summary>A piece of attention that one thread computes.</summary>
    private readonly record struct AttentionTask(AttentionSpan Span, int KvHead, int FirstQuery);

    /// <summary>Every span and key head, in tiles of <paramref name="step"/> queries.</summary>
    private static AttentionTask[] ForwardTasks(ReadOnlySpan<AttentionSpan> spans, int kvHeads, int step)
    {
        var tasks = new List<AttentionTask>();
        foreach (AttentionSpan span in spans)
        {
            for (int kvHead = 0; kvHead < kvHeads; kvHead++)
            {
                for (long i = 0; i < span.QueryCount; i += step) tasks.Add(new AttentionTask(span, kvHead, (int)i));
            }
        }

        return [.. tasks];
    }

    private static bool CoversAllQueries(ReadOnlySpan<AttentionSpan> spans, int rows)
    {
        long covered = 0;
        foreach (AttentionSpan span in spans) covered += span.QueryCount;
        return covered == rows;
    }

    private void Clear(TensorView tensor)
    {
        float* pointer = (float*)tensor.Pointer;
        ForElements(tensor.Count, (start, count) => new Span<float>(pointer + start, checked((int)count)).Clear());
    }

    private static void AttentionCheck(TensorView q, TensorView k, TensorView v, ReadOnlySpan<AttentionSpan> spans, AttentionShape shape)
    {
        if (shape.HeadWidth <= 0 || shape.KvHeads <= 0 || shape.Heads <= 0 || shape.Heads % shape.KvHeads != 0 || shape.Window < 0)
            throw new ArgumentException($"shape: expected heads to be a multiple of key heads, got {shape}", nameof(shape));
        TensorCheck.Is(q, DType.F32, q.Rows, shape.Heads * shape.HeadWidth);
        TensorCheck.Is(k, DType.F32, k.Rows, shape.KvHeads * shape.HeadWidth);
        TensorCheck.Is(v, DType.F32, k.Rows, shape.KvHeads * shape.HeadWidth);
        foreach (AttentionSpan span in spans)
        {
            if (span.QueryStart < 0 || span.QueryCount < 0 || (long)span.QueryStart + span.QueryCount > q.Rows
                || span.KeyStart < 0 || span.KeyCount < span.QueryCount || (long)span.KeyStart + span.KeyCount > k.Rows)
                throw new ArgumentException($"spans: expected rows within q ({q.Rows}) and k ({k.Rows}), got {span}", nameof(spans));
        }
    }
}
