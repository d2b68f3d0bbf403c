namespace NativeFl.Data;

/// <summary>Puts several documents into one sequence, with their starts, so that less of a batch is padding.</summary>
public static class Packing
{
    /// <summary>
    /// First fit: each example, in order, goes into the first sequence with room for all of it; only an example longer than
    /// <paramref name="maxLength"/> is cut, into stretches of that length. O(n log n), the same for the same input.
    /// </summary>
    /// <param name="examples">Examples, packed or not.</param>
    /// <param name="maxLength">Longest sequence in tokens.</param>
    public static IReadOnlyList<TokenizedExample> Pack(IReadOnlyList<TokenizedExample> examples, int maxLength)
    {
        ArgumentNullException.ThrowIfNull(examples);
        ArgumentOutOfRangeException.ThrowIfLessThan(maxLength, 1);
        TokenizedExample[] pieces = [.. examples.Where(e => e.InputIds.Length > 0).SelectMany(e => Cut(e, maxLength))];
        var room = new FirstFit(pieces.Length, maxLength);
        var bins = new List<List<TokenizedExample>>();
        foreach (TokenizedExample piece in pieces)
        {
            int bin = room.Place(piece.InputIds.Length);
            if (bin == bins.Count) bins.Add([]);
            bins[bin].Add(piece);
        }

        return [.. bins.Select(Join)];
    }

    /// <summary>Joins all examples into one stream and cuts it every <paramref name="maxLength"/> tokens, for plain text.</summary>
    /// <param name="examples">Examples, packed or not.</param>
    /// <param name="maxLength">Length of every sequence but the last.</param>
    public static IReadOnlyList<TokenizedExample> Stream(IReadOnlyList<TokenizedExample> examples, int maxLength)
    {
        ArgumentNullException.ThrowIfNull(examples);
        ArgumentOutOfRangeException.ThrowIfLessThan(maxLength, 1);
        var sequences = new List<TokenizedExample>();
        var open = new List<TokenizedExample>();
        int free = maxLength;
        foreach (TokenizedExample example in examples)
        {
            for (int start = 0; start < example.InputIds.Length;)
            {
                int length = Math.Min(free, example.InputIds.Length - start);
                open.Add(Slice(example, start, length));
                start += length;
                free -= length;
                if (free > 0) continue;
                sequences.Add(Join(open));
                open.Clear();
                free = maxLength;
            }
        }

        if (open.Count > 0) sequences.Add(Join(open));
        return sequences;
    }

    private static IEnumerable<TokenizedExample> Cut(TokenizedExample example, int maxLength)
    {
        for (int start = 0; start < example.InputIds.Length; start += maxLength)
            yield return Slice(example, start, Math.Min(maxLength, example.InputIds.Length - start));
    }

    private static TokenizedExample Slice(TokenizedExample example, int start, int length)
    {
        if (start == 0 && length == example.InputIds.Length) return example;
        return new TokenizedExample(example.Id, example.InputIds[start..(start + length)], example.Labels[start..(start + length)])
        {
            Starts = [0, .. example.Starts.Where(s => s > start && s < start + length).Select(s => s - start)],
            Records = example.Records,
        };
    }

    private static TokenizedExample Join(List<TokenizedExample> parts)
    {
        var starts = new List<int>();
        int length = 0;
        foreach (TokenizedExample part in parts)
        {
            starts.AddRange(part.Starts.Select(s => length + s));
            length += part.InputIds.Length;
        }

        int[] ids = [.. parts.SelectMany(p => p.InputIds)], labels = [.. parts.SelectMany(p => p.Labels)];
        // Nothing in its own document comes before a first token, so nothing may be asked to predict it.
        foreach (int start in starts) labels[start] = TokenizedExample.Ignored;
        string[] records = [.. parts.SelectMany(p => p.Records).Distinct()];
        return new TokenizedExample(string.Join('+', records), ids, labels) { Starts = starts, Records = records };
    }

    /// <summary>The first of many bins with enough room, by a binary tree over the largest room on either side.</summary>
    private sealed class FirstFit
    {
        private readonly int[] _tree;
        private readonly int _leaves = 1;

        public FirstFit(int bins, int capacity)
        {
            while (_leaves < bins) _leaves *= 2;
            _tree = new int[2 * _leaves];
            Array.Fill(_tree, capacity);
        }

        public int Place(int size)
        {
            int node = 1;
            while (node < _leaves) node = _tree[2 * node] >= size ? 2 * node : (2 * node) + 1;
            _tree[node] -= size;
            int bin = node - _leaves;
            for (node /= 2; node >= 1; node /= 2) _tree[node] = Math.Max(_tree[2 * node], _tree[(2 * node) + 1]);
            return bin;
        }
    }
}
