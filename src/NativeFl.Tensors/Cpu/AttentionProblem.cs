using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace NativeFl.Tensors.Cpu;

/// <summary>One attention call as the tiles see it: addresses, strides and the rows that each query sees.</summary>
/// <remarks>
/// The query heads of one key head read the same keys, so a tile's rows are (query, head of the group) pairs, heads innermost: row r
/// of a tile that starts at query i₀ is query i₀ + r / group, head r mod group. The keys are packed once for all of them.
/// </remarks>
internal readonly unsafe struct AttentionProblem(AttentionShape shape, TensorView q, TensorView k, TensorView v)
{
    /// <summary>Keys of a tile: a multiple of both sides of a register block, small enough that K and V tiles stay in the L2 cache.</summary>
    public const int KeyTile = 96;

    public readonly int Width = shape.HeadWidth;
    public readonly int PaddedWidth = RoundUp(shape.HeadWidth, TileProduct.Columns);
    public readonly int Group = shape.Heads / shape.KvHeads;
    public readonly int Heads = shape.Heads;
    public readonly int KvHeads = shape.KvHeads;
    public readonly int Window = shape.Window;
    public readonly float Scale = shape.Scale;
    public readonly float* Q = (float*)q.Pointer; // (N, H, D)
    public readonly float* K = (float*)k.Pointer; // (M, Hkv, D)
    public readonly float* V = (float*)v.Pointer; // (M, Hkv, D)

    /// <summary>Floats from a token's queries to the next token's.</summary>
    public long QueryStride => (long)Heads * Width;

    /// <summary>Floats from a token's keys to the next token's.</summary>
    public long KeyStride => (long)KvHeads * Width;

    /// <summary>The smallest multiple of <paramref name="step"/> that is not below <paramref name="value"/>.</summary>
    public static int RoundUp(int value, int step) => (value + step - 1) / step * step;

    /// <summary>Queries of a tile of about <paramref name="rows"/> rows.</summary>
    public int QueriesPerTile(int rows) => Math.Max(1, rows / Group);

    /// <summary>The first key that query <paramref name="i"/> of the span does not see, for being later than itself.</summary>
    public static int KeyEnd(AttentionSpan span, int i) => span.KeyCount - span.QueryCount + i + 1;

    /// <summary>The first key that query <paramref name="i"/> of the span sees.</summary>
    public int KeyBegin(AttentionSpan span, int i) => Window == 0 ? 0 : Math.Max(0, KeyEnd(span, i) - Window);

    /// <summary>The offset of the group's first head of query <paramref name="i"/> in q, o and their gradients.</summary>
    public long QueryOffset(AttentionSpan span, int i, int kvHead) => ((span.QueryStart + (long)i) * QueryStride) + ((long)kvHead * Group * Width);

    /// <summary>The offset of head <paramref name="kvHead"/> of key <paramref name="j"/> in k, v and their gradients.</summary>
    public long KeyOffset(AttentionSpan span, int j, int kvHead) => ((span.KeyStart + (long)j) * KeyStride) + ((long)kvHead * Width);

    /// <summary>The index of the group's first head of query <paramref name="i"/> in lse and delta.</summary>
    public long RowOffset(AttentionSpan span, int i, int kvHead) => ((span.QueryStart + (long)i) * Heads) + ((long)kvHead * Group);

    /// <summary>
    /// The group's rows of queries i .. i + count, times <paramref name="factor"/>, into (rows, stride) with zeros behind each row
    /// and up to a whole register block of rows.
    /// </summary>
    public void PackQueries(float* source, AttentionSpan span, int i, int count, int kvHead, float factor, float* destination)
    {
        float* to = destination;
        for (int query = i; query < i + count; query++)
        {
            float* row = source + QueryOffset(span, query, kvHead);
            for (int head = 0; head < Group; head++, row += Width, to += PaddedWidth) CopyScaled(row, factor, to);
        }

        int rows = count * Group;
        new Span<float>(to, (RoundUp(rows, TileProduct.Rows) - rows) * PaddedWidth).Clear();
    }

    /// <summary>The rows of one head of <paramref name="count"/> keys or values, into (count, stride) with zeros behind each row.</summary>
    public void PackKeys(float* source, int count, float* destination)
    {
        for (int key = 0; key < count; key++) CopyScaled(source + (key * KeyStride), 1, destination + ((long)key * PaddedWidth));
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void CopyScaled(float* source, float factor, float* destination)
    {
        int c = 0;
        for (; c <= Width - Lanes.Width; c += Lanes.Width) (Vector256.Load(source + c) * factor).Store(destination + c);
        for (; c < PaddedWidth; c += Lanes.Width) (Lanes.Load(source + c, Math.Max(0, Width - c)) * factor).Store(destination + c);
    }
}
