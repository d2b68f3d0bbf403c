namespace NativeFl.Tokenization;

/// <summary>What becomes of the text that a splitting pattern matched.</summary>
internal enum SplitBehavior
{
    /// <summary>A word of its own.</summary>
    Isolated,

    /// <summary>Left out.</summary>
    Removed,

    /// <summary>The end of the word before it.</summary>
    MergedWithPrevious,

    /// <summary>The start of the word after it.</summary>
    MergedWithNext,

    /// <summary>Neighbouring matches are one word.</summary>
    Contiguous,
}
