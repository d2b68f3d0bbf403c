using System.Runtime.InteropServices;
using NativeFl.Tensors;

namespace NativeFl.Cuda;

/// <summary>
/// The groups of one call of the adapter stack, cut into tiles for kernels/lora.cu. A chain is the groups over the same rows whose ranks
/// ascend: their ranks become one list of entries, so that x is read and y is written once for all of them. How a chain is cut depends on
/// nothing beside it, as long as partial sums fit the workspace: a client alone gives the bits that it gives among others.
/// </summary>
internal sealed class LoraWork
{
    /// <summary>The most entries of a tile of S or of a gradient.</summary>
    public const int TileEntries = 64;

    /// <summary>The most columns of x that one block of lora_shrink sums.</summary>
    public const int ShrinkColumns = 1024;

    /// <summary>The most token rows that one block of lora_gradient sums.</summary>
    public const int GradientRows = 1024;

    // A block waits for memory once a step of its sum. Where a chain has too few tiles to fill a GPU with blocks, their sums are cut into more
    // pieces: as many as fill it, but none so short that its partial sums cost what they save.
    private const int FillingBlocks = 256, FewestColumns = 256, FewestRows = 256;

    private const int TileRows = 128, ColumnUnit = 64, RowUnit = 32;

    private readonly List<LoraEntry> _entries = [];
    private readonly List<Chain> _chains = [];
    private readonly List<LoraTile> _tiles = [];
    private readonly List<LoraSum> _sums = [];
    private readonly List<LoraRun> _runs = [];
    private readonly List<byte> _lists = [];
    private int _firstTile, _firstSum;

    /// <summary>The entries of all chains.</summary>
    public ReadOnlySpan<LoraEntry> Entries => CollectionsMarshal.AsSpan(_entries);

    /// <summary>The tiles of everything added.</summary>
    public ReadOnlySpan<LoraTile> Tiles => CollectionsMarshal.AsSpan(_tiles);

    /// <summary>The sums of everything added.</summary>
    public ReadOnlySpan<LoraSum> Sums => CollectionsMarshal.AsSpan(_sums);

    /// <summary>The launches of everything added, in order.</summary>
    public ReadOnlySpan<LoraRun> Runs => CollectionsMarshal.AsSpan(_runs);

    /// <summary>Entries, tiles and sums one behind the other, to be staged as one; valid until the next call.</summary>
    public ReadOnlySpan<byte> Lists()
    {
        _lists.Clear();
        _lists.AddRange(MemoryMarshal.AsBytes(Entries));
        _lists.AddRange(MemoryMarshal.AsBytes(Tiles));
        _lists.AddRange(MemoryMarshal.AsBytes(Sums));
        return CollectionsMarshal.AsSpan(_lists);
    }

    /// <summary>The most splits of a sum over so many columns of x that one of these tiles has.</summary>
    public static int Splits(ReadOnlySpan<LoraTile> tiles, int width)
    {
        int most = 1;
        foreach (LoraTile tile in tiles) most = Math.Max(most, Pieces(width, tile.Chunk));
        return most;
    }

    /// <summary>Begins anew with the entries of <paramref name="groups"/>; what is of scaling zero, or empty, is left out.</summary>
    public void Begin(ReadOnlySpan<LoraGroup> groups)
    {
        _entries.Clear();
        _chains.Clear();
        _tiles.Clear();
        _sums.Clear();
        _runs.Clear();
        (_firstTile, _firstSum) = (0, 0);
        foreach (LoraGroup group in groups)
        {
            if (group.RowCount == 0) continue;
            int first = _entries.Count;
            AddEntries(group);
            if (_entries.Count == first) continue;
            int end = group.RankStart + group.RankCount;
            if (_chains.Count > 0 && _chains[^1] is var last && last.Row == group.RowStart && last.Rows == group.RowCount && group.RankStart >= last.RankEnd)
                _chains[^1] = last with { Entries = last.Entries + group.RankCount, RankEnd = end };
            else
                _chains.Add(new Chain(group.RowStart, group.RowCount, first, group.RankCount, group.RankStart, end));
        }
    }

    /// <summary>Begins anew with the entries of <paramref name="groups"/> alone, whatever their rows.</summary>
    public void BeginWithoutRows(ReadOnlySpan<LoraGroup> groups)
    {
        _entries.Clear();
        foreach (LoraGroup group in groups) AddEntries(group);
    }

    /// <summary>Adds the tiles of S = x Aᵀ on <paramref name="width"/> columns, in runs whose partial sums fit the workspace.</summary>
    public void AddShrink(int width, long workspaceFloats)
    {
        long used = 0;
        foreach (Chain chain in _chains)
        {
            int chunk = Piece(width, Pieces(chain.Rows, TileRows) * Pieces(chain.Entries, TileEntries), ShrinkColumns, FewestColumns, ColumnUnit);
            int splits = Math.Max(1, Pieces(width, chunk));
            for (int row = 0; row < chain.Rows; row += TileRows)
            {
                for (int j = 0; j < chain.Entries; j += TileEntries)
                {
                    int rows = Math.Min(TileRows, chain.Rows - row), entries = Math.Min(TileEntries, chain.Entries - j);
                    long floats = splits == 1 ? 0 : (long)splits * rows * entries;
                    if (used + floats > workspaceFloats)
                    {
                        EndRun();
                        used = 0;
                    }
                    _tiles.Add(new LoraTile(chain.Row + row, rows, chain.First + j, entries, splits == 1 ? -1 : (int)used, chunk));
                    used += floats;
                }
            }
        }
        EndRun();
    }

    /// <summary>Adds the tiles of y += s S B, in runs of chains with rows of their own.</summary>
    public void AddExpand()
    {
        int end = 0;
        foreach (Chain chain in _chains)
        {
            if (chain.Row < end) EndRun();
            end = chain.Row + chain.Rows;
            for (int row = 0; row < chain.Rows; row += TileRows)
                _tiles.Add(new LoraTile(chain.Row + row, Math.Min(TileRows, chain.Rows - row), chain.First, chain.Entries, -1));
        }
        EndRun();
    }

    /// <summary>
    /// Adds the tiles of dB and dA in runs of chains with ranks of their own, and the sums over splits of their rows; at most
    /// <paramref name="partialRows"/> rows of partial sums a run, each tile for <paramref name="across"/> blocks.
    /// </summary>
    public void AddGradient(int across, int partialRows)
    {
        int end = 0, used = 0;
        foreach (Chain chain in _chains)
        {
            if (chain.RankStart < end)
            {
                EndRun();
                used = 0;
            }
            end = chain.RankEnd;
            bool isSplit = chain.Rows > GradientRows;
            int piece = isSplit ? Piece(chain.Rows, across * Pieces(chain.Entries, TileEntries), GradientRows, FewestRows, RowUnit) : chain.Rows;
            for (int j = 0; j < chain.Entries; j += TileEntries)
            {
                int entries = Math.Min(TileEntries, chain.Entries - j), first = chain.First + j, start = used, splits = 0;
                for (int row = 0; row < chain.Rows; row += piece)
                {
                    int rows = Math.Min(piece, chain.Rows - row);
                    if (isSplit && used + entries > partialRows)
                    {
                        EndSum(first, entries, start, splits);
                        EndRun();
                        (used, start, splits) = (0, 0, 0);
                    }
                    _tiles.Add(new LoraTile(chain.Row + row, rows, first, entries, isSplit ? used : -1));
                    if (!isSplit) continue;
                    used += entries;
                    splits++;
                }
                EndSum(first, entries, start, splits);
            }
        }
        EndRun();
    }

    /// <summary>
    /// How much of a sum of <paramref name="length"/> terms one block takes, of so many tiles that have such a sum: no more than
    /// <paramref name="most"/>, and less as long as blocks are few and the pieces not below <paramref name="fewest"/>.
    /// </summary>
    private static int Piece(int length, int tiles, int most, int fewest, int unit)
    {
        int splits = Math.Clamp(Pieces(FillingBlocks, tiles), Math.Max(1, Pieces(length, most)), Math.Max(1, length / fewest));
        return Math.Max(1, Pieces(Pieces(length, splits), unit)) * unit;
    }

    private static int Pieces(int count, int size) => (int)(((long)count + size - 1) / size);

    private void AddEntries(LoraGroup group)
    {
        if (group.Scaling == 0) return;
        for (int j = 0; j < group.RankCount; j++) _entries.Add(new LoraEntry(group.RankStart + j, group.Column + j, group.Scaling));
    }

    private void EndSum(int first, int entries, int partial, int splits)
    {
        if (splits > 0) _sums.Add(new LoraSum(first, entries, partial, splits));
    }

    private void EndRun()
    {
        if (_tiles.Count > _firstTile) _runs.Add(new LoraRun(_firstTile, _tiles.Count - _firstTile, _firstSum, _sums.Count - _firstSum));
        (_firstTile, _firstSum) = (_tiles.Count, _sums.Count);
    }

    /// <summary>Groups over the same rows: their run of the list of entries, and the ranks that they lie between.</summary>
    private readonly record struct Chain(int Row, int Rows, int First, int Entries, int RankStart, int RankEnd);
}
