using System.Runtime.Intrinsics;

namespace NativeFl.Tensors.Cpu;

public sealed unsafe partial class CpuBackend
{
    /// <inheritdoc/>
    /// <remarks>
    /// The bits, for every backend: column c of token row i of the client (row RowStart + i) looks at word c mod 4 of
    /// Philox.Block(seed, stream, index) with stream = step · 2³² + module and index = i · 2³² + ⌊c / 4⌋, all parts as unsigned
    /// 32-bit numbers. It is kept where word ≥ min(round(rate · 2³²), 2³² − 1), as rounded to even in double, and is then multiplied
    /// with the f32 nearest to 1 / (1 − rate). Rows of no client are copied. y may be x.
    /// </remarks>
    public override void DropoutForward(TensorView x, ReadOnlySpan<DropoutRows> rows, int module, float rate, TensorView y)
    {
        DropoutCheck(x, y, rows, rate);
        if (x.Pointer != y.Pointer)
        {
            foreach ((int start, int count) in RowsOfNoClient(rows, x.Rows))
                Buffer.MemoryCopy((void*)x.Slice(start, count).Pointer, (void*)y.Slice(start, count).Pointer, y.Bytes, x.Slice(start, count).Bytes);
        }

        Dropout(x, rows, module, rate, accumulate: false, y);
    }

    /// <inheritdoc/>
    public override void DropoutBackward(TensorView dy, ReadOnlySpan<DropoutRows> rows, int module, float rate, TensorView dx)
    {
        DropoutCheck(dy, dx, rows, rate);
        foreach ((int start, int count) in RowsOfNoClient(rows, dy.Rows)) AddScaled(dy.Slice(start, count), 1, dx.Slice(start, count));
        Dropout(dy, rows, module, rate, accumulate: true, dx);
    }

    /// <summary>The runs of rows between the clients' rows.</summary>
    private static List<(int Start, int Count)> RowsOfNoClient(ReadOnlySpan<DropoutRows> rows, int total)
    {
        var gaps = new List<(int, int)>();
        int next = 0;
        foreach (DropoutRows client in Sorted(rows))
        {
            if (client.RowStart > next) gaps.Add((next, client.RowStart - next));
            next = client.RowStart + client.RowCount;
        }

        if (next < total) gaps.Add((next, total - next));
        return gaps;
    }

    private static DropoutRows[] Sorted(ReadOnlySpan<DropoutRows> rows)
    {
        DropoutRows[] sorted = rows.ToArray();
        Array.Sort(sorted, (a, b) => a.RowStart.CompareTo(b.RowStart));
        return sorted;
    }

    private static void DropoutCheck(TensorView from, TensorView to, ReadOnlySpan<DropoutRows> rows, float rate)
    {
        TensorCheck.Is(from, DType.F32, to.Rows, to.Columns);
        TensorCheck.Is(to, DType.F32, to.Rows, to.Columns);
        if (!(rate >= 0 && rate < 1)) throw new ArgumentOutOfRangeException(nameof(rate), rate, "expected 0 <= rate < 1");
        int end = 0;
        foreach (DropoutRows client in Sorted(rows))
        {
            if (client.RowStart < end || client.RowCount < 0 || (long)client.RowStart + client.RowCount > to.Rows)
                throw new ArgumentException($"rows: expected disjoint runs within {to.Rows} rows, got {client}", nameof(rows));
            end = client.RowStart + client.RowCount;
        }
    }

    private void Dropout(TensorView from, ReadOnlySpan<DropoutRows> rows, int module, float rate, bool accumulate, TensorView to)
    {
        uint threshold = (uint)Math.Min(Math.Round((double)rate * 4294967296.0), uint.MaxValue);
        float scale = (float)(1 / (1 - (double)rate));
        int columns = from.Columns;
        foreach (DropoutRows client in rows)
        {
            long offset = (long)client.RowStart * columns;
            float* source = (float*)from.Pointer + offset, destination = (float*)to.Pointer + offset;
            ulong seed = client.Seed, stream = ((ulong)(uint)client.Step << 32) | (uint)module;
            ParallelFor(client.RowCount, RowsPerTask(columns), (first, end) =>
            {
                for (int i = first; i < end; i++)
                {
                    long row = (long)i * columns;
                    DropoutRow(new PhiloxRow(seed, stream, (uint)i), threshold, scale, source + row, columns, accumulate, destination + row);
                }
            });
        }
    }

    private static void DropoutRow(PhiloxRow words, uint threshold, float scale, float* from, int columns, bool accumulate, float* to)
    {
        uint* word = stackalloc uint[PhiloxRow.Words];
        Vector256<uint> limit = Vector256.Create(threshold);
        Vector256<float> factor = Vector256.Create(scale);
        for (int c = 0; c < columns; c += Lanes.Width)
        {
            if (c % PhiloxRow.Words == 0) words.Fill(c, word);
            int left = columns - c;
            Vector256<float> kept = factor & Vector256.GreaterThanOrEqual(Vector256.Load(word + (c % PhiloxRow.Words)), limit).AsSingle();
            Vector256<float> x = Vector256.ConditionalSelect(Vector256.Equals(kept, default), default, Lanes.Load(from + c, left));
            Lanes.Store(accumulate ? Vector256.FusedMultiplyAdd(kept, x, Lanes.Load(to + c, left)) : kept * x, to + c, left);
        }
    }
}
