namespace NativeFl.Tokenization;

/// <summary>Everything a <see cref="Tokenizer"/> is made of, whichever file it came from.</summary>
internal sealed record TokenizerContent(
    string Source,
    ITextEncoder Encoder,
    IReadOnlyList<AddedToken> AddedTokens,
    TokenTable Table,
    IReadOnlyDictionary<string, int> Ids,
    IReadOnlyList<int> Prefix)
{
    /// <summary>The beginning-of-text token that the file itself names.</summary>
    public int? BosId { get; init; }

    /// <summary>The end-of-text token that the file itself names.</summary>
    public int? EosId { get; init; }

    /// <summary>The padding token that the file itself names.</summary>
    public int? PadId { get; init; }
}
