using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace NativeFl.Tensors.Cpu;

/// <summary>The attention of some queries of one span and one key head, tile of keys by tile of keys.</summary>
/// <remarks>
/// Online softmax (Milakov and Gimelshein 2018, arXiv:1805.02867, in the tiling of FlashAttention, Dao et al. 2022, arXiv:2205.14135,
/// algorithm 1): with m the largest score so far and l = Σ exp(score − m), a new tile multiplies l and the row of O by
/// exp(m_old − m_new) and adds its own terms; O is divided by l at the end, and lse = m + log l. Tiles start at multiples of
/// <see cref="AttentionProblem.KeyTile"/> in the span, so a row has the same bits whichever queries share its tile: a KV cache
/// gives what the whole sequence gives. The scores lie transposed, a row of them in one lane: its maximum and its sum need no shuffle.
/// A strip of rows at a time: its scores never leave the L1 cache.
/// </remarks>
internal sealed unsafe class AttentionForwardTile : IDisposable
{
    /// <summary>Rows of a tile: enough that packing the keys costs a few percent.</summary>
    public const int Rows = 96;

    /// <summary>Rows whose scores are computed together: whole register blocks both as columns of the scores and as rows of O.</summary>
    private const int Strip = 3 * TileProduct.Columns;

    private const int KeyTile = AttentionProblem.KeyTile;

    private readonly AttentionProblem _problem;
    private readonly Workspace _workspace;
    private readonly float* _rows;       // (rows, D padded): the queries times the scale, then O
    private readonly float* _queries;    // (D, rows), panels of the transpose
    private readonly float* _keys;       // (KeyTile, D padded)
    private readonly float* _values;     // (KeyTile, D padded), panels
    private readonly float* _scores;     // (KeyTile, strip)
    private readonly float* _maximum;    // (rows)
    private readonly float* _sum;        // (rows)
    private readonly int* _begin;        // (rows), the first key of the span that the row sees
    private readonly int* _end;          // (rows), the first key after those

    public AttentionForwardTile(AttentionProblem problem)
    {
        _problem = problem;
        int width = problem.PaddedWidth, rows = AttentionProblem.RoundUp(problem.QueriesPerTile(Rows) * problem.Group, Strip);
        _workspace = new Workspace((2L * rows * width) + (2L * KeyTile * width) + (KeyTile * Strip) + (4L * rows));
        _rows = _workspace.Take((long)rows * width);
        _queries = _workspace.Take((long)rows * width);
        _keys = _workspace.Take((long)KeyTile * width);
        _values = _workspace.Take((long)KeyTile * width);
        _scores = _workspace.Take(KeyTile * Strip);
        _maximum = _workspace.Take(rows);
        _sum = _workspace.Take(rows);
        _begin = (int*)_workspace.Take(rows);
        _end = (int*)_workspace.Take(rows);
    }

    /// <summary>Queries first .. first + count of the span; o and lse are those of the whole call.</summary>
    public void Run(AttentionSpan span, int kvHead, int first, int count, float* o, float* lse)
    {
        int rows = count * _problem.Group, width = _problem.PaddedWidth;
        Start(span, kvHead, first, count);
        int end = AttentionProblem.KeyEnd(span, first + count - 1), begin = _problem.KeyBegin(span, first) / KeyTile * KeyTile;
        for (int j = begin; j < end; j += KeyTile)
        {
            int keys = Math.Min(KeyTile, end - j);
            long offset = _problem.KeyOffset(span, j, kvHead);
            _problem.PackKeys(_problem.K + offset, keys, _keys);
            TilePanels.FromRows(_problem.V + offset, _problem.KeyStride, keys, _problem.Width, _values, KeyTile);
            for (int r = 0; r < rows; r += Strip) RunStrip(r, Math.Min(Strip, rows - r), j, keys);
        }

        Finish(span, kvHead, first, rows, o, lse);
    }

    /// <inheritdoc/>
    public void Dispose() => _workspace.Dispose();

    /// <summary>Packs the queries and forgets what an earlier tile left.</summary>
    private void Start(AttentionSpan span, int kvHead, int first, int count)
    {
        int rows = count * _problem.Group, whole = AttentionProblem.RoundUp(rows, Strip), width = _problem.PaddedWidth;
        _problem.PackQueries(_problem.Q, span, first, count, kvHead, _problem.Scale, _rows);
        TilePanels.FromColumns(_rows, width, rows, _problem.Width, _queries, _problem.Width);
        new Span<float>(_rows, whole * width).Clear();
        new Span<float>(_maximum, whole).Fill(float.NegativeInfinity);
        new Span<float>(_sum, whole).Clear();
        for (int r = 0; r < whole; r++)
        {
            // The lanes behind the last row do as it does.
            int query = first + (Math.Min(r, rows - 1) / _problem.Group);
            _begin[r] = _problem.KeyBegin(span, query);
            _end[r] = AttentionProblem.KeyEnd(span, query);
        }
    }

    /// <summary>Rows r .. r + rows against keys j .. j + keys.</summary>
    private void RunStrip(int r, int rows, int j, int keys)
    {
        int visible = Math.Min(keys, _end[r + rows - 1] - j);
        if (visible <= 0 || _begin[r] >= j + keys) return;
        int width = _problem.PaddedWidth, lanes = AttentionProblem.RoundUp(rows, TileProduct.Columns);
        TileProduct.Multiply(
            TileProduct.Strided.RowMajor(_keys, width), new((nint)(_queries + ((long)r * _problem.Width)), _problem.Width),
            AttentionProblem.RoundUp(visible, TileProduct.Rows), lanes, _problem.Width, accumulate: false, new((nint)_scores, Strip));
        Mask(r, rows, j, visible);
        for (int lane = 0; lane < lanes; lane += Lanes.Width) SoftmaxColumns(r + lane, visible, _scores + lane);
        TileProduct.Multiply(
            TileProduct.Strided.Transposed(_scores, Strip), new((nint)_values, KeyTile),
            AttentionProblem.RoundUp(rows, TileProduct.Rows), width, visible, accumulate: true, new((nint)(_rows + ((long)r * width)), width));
    }

    /// <summary>Scores of keys that a row does not see become −∞.</summary>
    private void Mask(int r, int rows, int j, int visible)
    {
        int lanes = AttentionProblem.RoundUp(rows, Lanes.Width), seenFrom = _begin[r + rows - 1] - j, seenTo = _end[r] - j;
        Vector256<float> hidden = Vector256.Create(float.NegativeInfinity);
        for (int key = 0; key < visible; key++)
        {
            if (key >= seenFrom && key < seenTo) continue;
            Vector256<int> index = Vector256.Create(j + key);
            for (int lane = 0; lane < lanes; lane += Lanes.Width)
            {
                Vector256<int> sees = Vector256.GreaterThanOrEqual(index, Vector256.Load(_begin + r + lane)) & Vector256.LessThan(index, Vector256.Load(_end + r + lane));
                float* score = _scores + (key * Strip) + lane;
                Vector256.ConditionalSelect(sees.AsSingle(), Vector256.Load(score), hidden).Store(score);
            }
        }
    }

    /// <summary>The scores of rows r .. r + 8, one in each lane, become exp(score − m); m, l and the rows of O follow.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void SoftmaxColumns(int r, int keys, float* scores)
    {
        float* end = scores + (keys * Strip);
        Vector256<float> old = Vector256.Load(_maximum + r), max = old, sum = default;
        for (float* score = scores; score < end; score += Strip) max = Vector256.MaxNative(max, Vector256.Load(score));

        // Nothing visible yet: any finite shift will do, all terms are exp(−∞).
        Vector256<float> shift = Vector256.AndNot(max, Vector256.Equals(max, Vector256.Create(float.NegativeInfinity)));
        for (float* score = scores; score < end; score += Strip)
        {
            Vector256<float> term = Exponential.NonPositive(Vector256.Load(score) - shift);
            sum += term;
            term.Store(score);
        }

        // 0, if this is the first tile.
        Vector256<float> decay = Exponential.NonPositive(old - shift);
        (sum + (decay * Vector256.Load(_sum + r))).Store(_sum + r);
        max.Store(_maximum + r);
        if (Vector256.EqualsAll(decay, Vector256<float>.One)) return;
        int width = _problem.PaddedWidth;
        float* row = _rows + ((long)r * width);
        for (int lane = 0; lane < Lanes.Width; lane++, row += width)
        {
            Vector256<float> factor = Vector256.Create(decay.GetElement(lane));
            for (int c = 0; c < width; c += Lanes.Width) (Vector256.Load(row + c) * factor).Store(row + c);
        }
    }

    private void Finish(AttentionSpan span, int kvHead, int first, int rows, float* o, float* lse)
    {
        for (int r = 0; r < rows; r++)
        {
            int query = first + (r / _problem.Group), head = r % _problem.Group, width = _problem.Width;
            float* from = _rows + ((long)r * _problem.PaddedWidth), to = o + _problem.QueryOffset(span, query, kvHead) + ((long)head * width);
            Vector256<float> factor = Vector256.Create(1 / _sum[r]);
            for (int c = 0; c < width; c += Lanes.Width) Lanes.Store(Vector256.Load(from + c) * factor, to + c, width - c);
            lse[_problem.RowOffset(span, query, kvHead) + head] = (float)(_maximum[r] + Math.Log(_sum[r]));
        }
    }
}
