namespace NativeFl.Data;

/// <summary>One training or evaluation sequence.</summary>
/// <param name="Id">The record's id, or that of the first record packed into it.</param>
/// <param name="InputIds">T token ids.</param>
/// <param name="Labels">As in Transformers: T ids, not shifted; −100 = not counted.</param>
public sealed record TokenizedExample(string Id, int[] InputIds, int[] Labels)
{
    /// <summary>Where each document of a packed sequence starts; documents see only themselves.</summary>
    public IReadOnlyList<int> Starts { get; init; } = [0];
}
