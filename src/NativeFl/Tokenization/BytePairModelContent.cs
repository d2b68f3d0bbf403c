namespace NativeFl.Tokenization;

/// <summary>What the model entry of a tokenizer.json says, validated: every merge joins two pieces into a third.</summary>
internal sealed record BytePairModelContent(
    Dictionary<string, int> Vocabulary,
    IReadOnlyList<(string Left, string Right)> Merges,
    bool IgnoreMerges,
    bool ByteFallback,
    bool FuseUnknown,
    string? UnknownPiece);
