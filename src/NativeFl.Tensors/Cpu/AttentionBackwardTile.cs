using System.Runtime.Intrinsics;

namespace NativeFl.Tensors.Cpu;

/// <summary>The gradients of one span and one key head, tile of keys by tile of keys.</summary>
/// <remarks>
/// With P = exp(scale · q kᵀ − lse) recomputed, dP = dO vᵀ and dS = scale · P ∘ (dP − delta), delta = rowsum(dO ∘ O):
/// dv = Pᵀ dO, dk = dSᵀ q, dq = dS k (FlashAttention, Dao et al. 2022, arXiv:2205.14135, algorithm 4). One task has all queries of
/// its keys, and walks them in order, so every sum has one order.
/// </remarks>
internal sealed unsafe class AttentionBackwardTile : IDisposable
{
    /// <summary>Rows of a tile; its P and dS lie in the L2 cache with the keys.</summary>
    public const int Rows = 48;

    private const int KeyTile = AttentionProblem.KeyTile;

    /// <summary>Rows whose scores are computed together; see <see cref="AttentionForwardTile"/>.</summary>
    private const int Strip = 4 * TileProduct.Rows;

    private readonly AttentionProblem _problem;
    private readonly AttentionGradients _gradients;
    private readonly Workspace _workspace;
    private readonly int _rows;
    private readonly float* _queries;          // (rows, D padded)
    private readonly float* _queryPanels;      // (rows, D padded), panels
    private readonly float* _dOutput;          // (rows, D padded)
    private readonly float* _dOutputPanels;    // (rows, D padded), panels
    private readonly float* _keys;             // (KeyTile, D padded), panels
    private readonly float* _keysTransposed;   // (D, KeyTile), panels
    private readonly float* _valuesTransposed; // (D, KeyTile), panels
    private readonly float* _p;                // (rows, KeyTile)
    private readonly float* _ds;               // (rows, KeyTile)
    private readonly float* _dKeys;            // (KeyTile, D padded)
    private readonly float* _dValues;          // (KeyTile, D padded)
    private readonly float* _dQueries;         // (strip, D padded)

    public AttentionBackwardTile(AttentionProblem problem, AttentionGradients gradients)
    {
        _problem = problem;
        _gradients = gradients;
        int width = problem.PaddedWidth, rows = AttentionProblem.RoundUp(problem.QueriesPerTile(Rows) * problem.Group, TileProduct.Rows);
        _rows = rows;
        _workspace = new Workspace((((4L * rows) + (5 * KeyTile) + Strip) * width) + (2L * rows * KeyTile));
        _queries = _workspace.Take((long)rows * width);
        _queryPanels = _workspace.Take((long)rows * width);
        _dOutput = _workspace.Take((long)rows * width);
        _dOutputPanels = _workspace.Take((long)rows * width);
        _keys = _workspace.Take((long)KeyTile * width);
        _keysTransposed = _workspace.Take((long)KeyTile * width);
        _valuesTransposed = _workspace.Take((long)KeyTile * width);
        _dKeys = _workspace.Take((long)KeyTile * width);
        _dValues = _workspace.Take((long)KeyTile * width);
        _dQueries = _workspace.Take((long)Strip * width);
        _p = _workspace.Take((long)rows * KeyTile);
        _ds = _workspace.Take((long)rows * KeyTile);
    }

    /// <summary>All gradients of the span's queries and keys for one key head. dq is added to.</summary>
    public void Run(AttentionSpan span, int kvHead)
    {
        for (int j = 0; j < span.KeyCount; j += KeyTile)
        {
            int keys = Math.Min(KeyTile, span.KeyCount - j), width = _problem.PaddedWidth;
            long offset = _problem.KeyOffset(span, j, kvHead);
            TilePanels.FromColumns(_problem.K + offset, _problem.KeyStride, keys, _problem.Width, _keysTransposed, _problem.Width);
            TilePanels.FromColumns(_problem.V + offset, _problem.KeyStride, keys, _problem.Width, _valuesTransposed, _problem.Width);
            TilePanels.FromRows(_problem.K + offset, _problem.KeyStride, keys, _problem.Width, _keys, KeyTile);
            new Span<float>(_dKeys, KeyTile * width).Clear();
            new Span<float>(_dValues, KeyTile * width).Clear();

            // Queries before the first do not see key j yet; the window of those from the end on is past the tile.
            int begin = Math.Max(0, j - (span.KeyCount - span.QueryCount)), end = span.QueryCount;
            if (_problem.Window > 0) end = (int)Math.Min(end, (long)j + keys + _problem.Window - 1 - (span.KeyCount - span.QueryCount));
            int step = _problem.QueriesPerTile(Rows);
            for (int i = begin; i < end; i += step) RunTile(span, kvHead, i, Math.Min(step, end - i), j, keys);
            Put(_dKeys, span, j, keys, kvHead, _gradients.DK);
            Put(_dValues, span, j, keys, kvHead, _gradients.DV);
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _workspace.Dispose();

    private void RunTile(AttentionSpan span, int kvHead, int first, int count, int j, int keys)
    {
        int rows = count * _problem.Group, width = _problem.PaddedWidth;
        _problem.PackQueries(_problem.Q, span, first, count, kvHead, 1, _queries);
        _problem.PackQueries(_gradients.DO, span, first, count, kvHead, 1, _dOutput);
        TilePanels.FromRows(_queries, width, rows, width, _queryPanels, _rows);
        TilePanels.FromRows(_dOutput, width, rows, width, _dOutputPanels, _rows);
        int paddedRows = AttentionProblem.RoundUp(rows, TileProduct.Rows);
        for (int r = 0; r < rows; r += Strip) RunStrip(span, kvHead, first, count, r, Math.Min(Strip, paddedRows - r), j, keys);
        for (int key = 0; key < keys; key += TileProduct.Rows)
        {
            // Rows of earlier queries do not see these keys.
            int from = Math.Clamp(j + key - (AttentionProblem.KeyEnd(span, first) - 1), 0, count) * _problem.Group, k = rows - from;
            if (k == 0) continue;
            long row = (long)from * TileProduct.Columns, cell = ((long)from * KeyTile) + key, result = (long)key * width;
            TileProduct.Multiply(
                TileProduct.Strided.Transposed(_p + cell, KeyTile), new((nint)(_dOutputPanels + row), _rows),
                TileProduct.Rows, width, k, accumulate: true, new((nint)(_dValues + result), width));
            TileProduct.Multiply(
                TileProduct.Strided.Transposed(_ds + cell, KeyTile), new((nint)(_queryPanels + row), _rows),
                TileProduct.Rows, width, k, accumulate: true, new((nint)(_dKeys + result), width));
        }
    }

    /// <summary>P and dS of rows r .. r + rows, and their dq.</summary>
    private void RunStrip(AttentionSpan span, int kvHead, int first, int count, int r, int rows, int j, int keys)
    {
        int real = Math.Min(rows, (count * _problem.Group) - r), width = _problem.PaddedWidth;
        int lastQuery = first + Math.Min(count - 1, (r + rows - 1) / _problem.Group);
        int visible = Math.Min(keys, AttentionProblem.KeyEnd(span, lastQuery) - j);
        int columns = AttentionProblem.RoundUp(visible, TileProduct.Columns);
        float* p = _p + ((long)r * KeyTile), ds = _ds + ((long)r * KeyTile);
        TileProduct.Multiply(
            TileProduct.Strided.RowMajor(_queries + ((long)r * width), width), new((nint)_keysTransposed, _problem.Width),
            rows, columns, _problem.Width, accumulate: false, new((nint)p, KeyTile));
        TileProduct.Multiply(
            TileProduct.Strided.RowMajor(_dOutput + ((long)r * width), width), new((nint)_valuesTransposed, _problem.Width),
            rows, columns, _problem.Width, accumulate: false, new((nint)ds, KeyTile));
        for (int i = 0; i < rows; i++)
        {
            int query = first + ((r + i) / _problem.Group), head = (r + i) % _problem.Group, from = 0, to = 0;
            if (i < real)
            {
                from = Math.Max(0, _problem.KeyBegin(span, query) - j);
                to = Math.Min(keys, AttentionProblem.KeyEnd(span, query) - j);
            }

            long index = _problem.RowOffset(span, Math.Min(query, lastQuery), kvHead) + head;
            ScoreGradientRow(_gradients.Lse[index], _gradients.Delta[index], from, to, columns, p + (i * KeyTile), ds + (i * KeyTile));
        }

        TileProduct.Multiply(
            TileProduct.Strided.RowMajor(ds, KeyTile), new((nint)_keys, KeyTile), rows, width, visible, accumulate: false, new((nint)_dQueries, width));
        for (int i = 0; i < real; i++)
        {
            int query = first + ((r + i) / _problem.Group), head = (r + i) % _problem.Group;
            float* dq = _gradients.DQ + _problem.QueryOffset(span, query, kvHead) + ((long)head * _problem.Width), from = _dQueries + ((long)i * width);
            for (int c = 0; c < _problem.Width; c += Lanes.Width)
            {
                int left = _problem.Width - c;
                Lanes.Store(Lanes.Load(dq + c, left) + Vector256.Load(from + c), dq + c, left);
            }
        }
    }

    /// <summary>p: q·k becomes P;  ds: dO·v becomes dS. Both are 0 outside from ≤ key &lt; to.</summary>
    private void ScoreGradientRow(float lse, float delta, int from, int to, int columns, float* p, float* ds)
    {
        Vector256<float> scale = Vector256.Create(_problem.Scale), shift = Vector256.Create(-lse), minusDelta = Vector256.Create(-delta);
        for (int c = 0; c < columns; c += Lanes.Width)
        {
            Vector256<float> probability = Exponential.NonPositive(Vector256.FusedMultiplyAdd(Vector256.Load(p + c), scale, shift));
            probability.Store(p + c);
            (probability * scale * (Vector256.Load(ds + c) + minusDelta)).Store(ds + c);
        }

        from = Math.Min(from, columns);
        to = Math.Max(to, from);
        new Span<float>(p, from).Clear();
        new Span<float>(ds, from).Clear();
        new Span<float>(p + to, KeyTile - to).Clear();
        new Span<float>(ds + to, KeyTile - to).Clear();
    }

    private void Put(float* tile, AttentionSpan span, int j, int keys, int kvHead, float* destination)
    {
        for (int key = 0; key < keys; key++)
        {
            float* from = tile + ((long)key * _problem.PaddedWidth), to = destination + _problem.KeyOffset(span, j + key, kvHead);
            Buffer.MemoryCopy(from, to, _problem.Width * sizeof(float), _problem.Width * sizeof(float));
        }
    }
}
