using System.Runtime.Intrinsics;

namespace NativeFl.Tensors.Cpu;

/// <summary>The attention of some queries of one span and one key head, tile of keys by tile of keys.</summary>
/// <remarks>
/// Online softmax (Milakov and Gimelshein 2018, arXiv:1805.02867, in the tiling of FlashAttention, Dao et al. 2022, arXiv:2205.14135,
/// algorithm 1): with m the largest score so far and l = Σ exp(score − m), a new tile multiplies l and the row of O by
/// exp(m_old − m_new) and adds its own terms; O is divided by l at the end, and lse = m + log l. Tiles start at multiples of
/// <see cref="AttentionProblem.KeyTile"/> in the span, so a row has the same bits whichever queries share its tile: a KV cache
/// gives what the whole sequence gives. A strip of rows at a time: its scores never leave the L1 cache.
/// </remarks>
internal sealed unsafe class AttentionForwardTile : IDisposable
{
    /// <summary>Rows of a tile: enough that packing the keys costs a few percent.</summary>
    public const int Rows = 96;

    /// <summary>Rows whose scores are computed together: each panel of keys is then fetched into the L1 cache once for four register blocks.</summary>
    private const int Strip = 4 * TileProduct.Rows;

    private readonly AttentionProblem _problem;
    private readonly Workspace _workspace;
    private readonly float* _queries;    // (rows, D padded), times the scale
    private readonly float* _output;     // (rows, D padded)
    private readonly float* _keys;       // (D, KeyTile), panels of the transpose
    private readonly float* _values;     // (KeyTile, D padded), panels
    private readonly float* _scores;     // (strip, KeyTile)
    private readonly float* _maximum;    // (rows)
    private readonly float* _sum;        // (rows)

    public AttentionForwardTile(AttentionProblem problem)
    {
        _problem = problem;
        int width = problem.PaddedWidth, keyTile = AttentionProblem.KeyTile;
        int rows = AttentionProblem.RoundUp(problem.QueriesPerTile(Rows) * problem.Group, TileProduct.Rows);
        _workspace = new Workspace((2L * rows * width) + (2L * keyTile * width) + (Strip * keyTile) + (2 * rows));
        _queries = _workspace.Take((long)rows * width);
        _output = _workspace.Take((long)rows * width);
        _keys = _workspace.Take((long)keyTile * width);
        _values = _workspace.Take((long)keyTile * width);
        _scores = _workspace.Take(Strip * keyTile);
        _maximum = _workspace.Take(rows);
        _sum = _workspace.Take(rows);
    }

    /// <summary>Queries first .. first + count of the span; o and lse are those of the whole call.</summary>
    public void Run(AttentionSpan span, int kvHead, int first, int count, float* o, float* lse)
    {
        int rows = count * _problem.Group, paddedRows = AttentionProblem.RoundUp(rows, TileProduct.Rows), width = _problem.PaddedWidth;
        _problem.PackQueries(_problem.Q, span, first, count, kvHead, _problem.Scale, _queries);
        new Span<float>(_output, paddedRows * width).Clear();
        new Span<float>(_maximum, paddedRows).Fill(float.NegativeInfinity);
        new Span<float>(_sum, paddedRows).Clear();
        int end = AttentionProblem.KeyEnd(span, first + count - 1);
        int begin = _problem.KeyBegin(span, first) / AttentionProblem.KeyTile * AttentionProblem.KeyTile;
        for (int j = begin; j < end; j += AttentionProblem.KeyTile)
        {
            int keys = Math.Min(AttentionProblem.KeyTile, end - j);
            long offset = _problem.KeyOffset(span, j, kvHead);
            TilePanels.FromColumns(_problem.K + offset, _problem.KeyStride, keys, _problem.Width, _keys, _problem.Width);
            TilePanels.FromRows(_problem.V + offset, _problem.KeyStride, keys, _problem.Width, _values, AttentionProblem.KeyTile);
            for (int r = 0; r < rows; r += Strip) RunStrip(span, first, count, r, Math.Min(Strip, paddedRows - r), j, keys);
        }

        Finish(span, kvHead, first, rows, o, lse);
    }

    /// <inheritdoc/>
    public void Dispose() => _workspace.Dispose();

    /// <summary>Rows r .. r + rows against keys j .. j + keys.</summary>
    private void RunStrip(AttentionSpan span, int first, int count, int r, int rows, int j, int keys)
    {
        int lastQuery = first + Math.Min(count - 1, (r + rows - 1) / _problem.Group);
        int visible = Math.Min(keys, AttentionProblem.KeyEnd(span, lastQuery) - j);
        if (visible <= 0 || _problem.KeyBegin(span, first + (r / _problem.Group)) >= j + keys) return;
        int width = _problem.PaddedWidth, columns = AttentionProblem.RoundUp(visible, TileProduct.Columns);
        var scores = new TileProduct.RowMajor((nint)_scores, AttentionProblem.KeyTile);
        TileProduct.Multiply(
            TileProduct.Strided.RowMajor(_queries + ((long)r * width), width), new((nint)_keys, _problem.Width),
            rows, columns, _problem.Width, accumulate: false, scores);
        for (int i = 0; i < rows; i++)
        {
            int query = Math.Min(lastQuery, first + ((r + i) / _problem.Group));
            int from = Math.Max(0, _problem.KeyBegin(span, query) - j), to = Math.Min(keys, AttentionProblem.KeyEnd(span, query) - j);
            SoftmaxRow(_scores + (i * AttentionProblem.KeyTile), from, to, columns, r + i);
        }

        TileProduct.Multiply(
            TileProduct.Strided.RowMajor(_scores, AttentionProblem.KeyTile), new((nint)_values, AttentionProblem.KeyTile),
            rows, width, visible, accumulate: true, new((nint)(_output + ((long)r * width)), width));
    }

    /// <summary>Scores become exp(score − m) where visible (from ≤ key &lt; to), 0 elsewhere; m, l and the row of O follow.</summary>
    private void SoftmaxRow(float* scores, int from, int to, int columns, int row)
    {
        from = Math.Min(from, columns);
        new Span<float>(scores, from).Fill(float.NegativeInfinity);
        if (to < columns) new Span<float>(scores + Math.Max(0, to), columns - Math.Max(0, to)).Fill(float.NegativeInfinity);
        Vector256<float> highest = Vector256.Load(scores);
        for (int c = Lanes.Width; c < columns; c += Lanes.Width) highest = Vector256.MaxNative(highest, Vector256.Load(scores + c));
        float old = _maximum[row], max = Math.Max(old, Highest(highest));

        // Nothing visible yet: any finite shift will do, all terms are exp(−∞).
        Vector256<float> shift = Vector256.Create(float.IsNegativeInfinity(max) ? 0 : max), sum = default;
        for (int c = 0; c < columns; c += Lanes.Width)
        {
            Vector256<float> term = Exponential.NonPositive(Vector256.Load(scores + c) - shift);
            sum += term;
            term.Store(scores + c);
        }

        if (max != old)
        {
            // NaN, if max is NaN; 0, if this is the row's first tile.
            float decay = Exponential.Of(old - max);
            _sum[row] *= decay;
            _maximum[row] = max;
            float* output = _output + ((long)row * _problem.PaddedWidth);
            for (int c = 0; c < _problem.PaddedWidth; c += Lanes.Width) (Vector256.Load(output + c) * decay).Store(output + c);
        }

        _sum[row] += Vector256.Sum(sum);
    }

    private static float Highest(Vector256<float> lanes)
    {
        Vector128<float> four = Vector128.Max(lanes.GetLower(), lanes.GetUpper());
        return Math.Max(Math.Max(four.GetElement(0), four.GetElement(1)), Math.Max(four.GetElement(2), four.GetElement(3)));
    }

    private void Finish(AttentionSpan span, int kvHead, int first, int rows, float* o, float* lse)
    {
        for (int r = 0; r < rows; r++)
        {
            int query = first + (r / _problem.Group), head = r % _problem.Group, width = _problem.Width;
            float* from = _output + ((long)r * _problem.PaddedWidth), to = o + _problem.QueryOffset(span, query, kvHead) + ((long)head * width);
            Vector256<float> factor = Vector256.Create(1 / _sum[r]);
            for (int c = 0; c < width; c += Lanes.Width) Lanes.Store(Vector256.Load(from + c) * factor, to + c, width - c);
            lse[_problem.RowOffset(span, query, kvHead) + head] = (float)(_maximum[r] + Math.Log(_sum[r]));
        }
    }
}
