namespace NativeFl.Tokenization;

/// <summary>
/// Byte-pair merging of one word: as long as some neighbouring pair has a merge, the pair of lowest rank (leftmost on a tie) becomes
/// one symbol. A heap and a linked list make it O(n log n) in the length of the word.
/// </summary>
internal sealed class PairMerger(Dictionary<long, (int Rank, int Id)> merges)
{
    /// <summary>The key of a pair of symbols in the table of merges.</summary>
    public static long Pair(int left, int right) => ((long)left << 32) | (uint)right;

    /// <summary>Merges in place.</summary>
    /// <param name="symbols">Piece ids of the single characters; afterwards its first <paramref name="count"/> entries are the result.</param>
    /// <param name="count">How many symbols are left.</param>
    /// <returns>How many candidate pairs were queued: at most 3 n.</returns>
    public int Merge(Span<int> symbols, out int count)
    {
        count = symbols.Length;
        if (symbols.Length < 2) return 0;
        int[] next = new int[symbols.Length], previous = new int[symbols.Length];
        var queue = new PriorityQueue<(int Position, int Left, int Right), long>(symbols.Length);
        int queued = 0;
        for (int i = 0; i < symbols.Length; i++)
        {
            next[i] = i + 1;
            previous[i] = i - 1;
            if (i + 1 < symbols.Length) Queue(symbols, i, i + 1);
        }

        while (queue.TryDequeue(out (int Position, int Left, int Right) pair, out _))
        {
            int left = pair.Position, right = next[left];
            // A symbol that was swallowed has id −1; one that grew has another id: either way the entry is stale.
            if (right >= symbols.Length || symbols[left] != pair.Left || symbols[right] != pair.Right) continue;
            symbols[left] = merges[Pair(pair.Left, pair.Right)].Id;
            symbols[right] = -1;
            next[left] = next[right];
            if (next[left] < symbols.Length)
            {
                previous[next[left]] = left;
                Queue(symbols, left, next[left]);
            }

            if (previous[left] >= 0) Queue(symbols, previous[left], left);
        }

        count = 0;
        for (int i = 0; i < symbols.Length; i = next[i]) symbols[count++] = symbols[i];
        return queued;

        void Queue(Span<int> ids, int left, int right)
        {
            if (!merges.TryGetValue(Pair(ids[left], ids[right]), out (int Rank, int Id) merge)) return;
            queue.Enqueue((left, ids[left], ids[right]), Pair(merge.Rank, left));
            queued++;
        }
    }
}
