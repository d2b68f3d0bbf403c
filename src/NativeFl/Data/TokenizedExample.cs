namespace NativeFl.Data;

/// <summary>A sequence to train on or to score.</summary>
/// <param name="Id">The record's id; of packed records all ids, joined by "+".</param>
/// <param name="InputIds">Token ids, (T).</param>
/// <param name="Labels">
/// As in Transformers: (T), not shifted; the label at t is what position t − 1 must predict, −100 is not counted. The first label of every
/// document is never counted.
/// </param>
public sealed record TokenizedExample(string Id, int[] InputIds, int[] Labels)
{
    /// <summary>The label that is not counted.</summary>
    public const int Ignored = -100;

    /// <summary>Where each document starts, ascending, the first 0. Documents of one sequence must not see each other.</summary>
    public IReadOnlyList<int> Starts { get; init; } = [0];

    /// <summary>The ids of the records that it is made of, in order.</summary>
    public IReadOnlyList<string> Records { get; init; } = [Id];

    /// <summary>The record's short single-valued fields, such as labels; empty for packed sequences.</summary>
    public IReadOnlyDictionary<string, string> Fields { get; init; } = new Dictionary<string, string>();

    /// <summary>How many labels are counted: those that are not −100 and not at the start of a document.</summary>
    public int CountedTokens
    {
        get
        {
            int counted = Labels.Count(label => label != Ignored);
            foreach (int start in Starts)
            {
                if (start < Labels.Length && Labels[start] != Ignored) counted--;
            }

            return counted;
        }
    }
}
