namespace NativeFl.Tokenization;

/// <summary>A token that is found in the text before anything else happens to it.</summary>
internal sealed record AddedToken(int Id, string Content)
{
    /// <summary>Left out of decoded text.</summary>
    public bool Special { get; init; }

    /// <summary>Only between characters that belong to no word.</summary>
    public bool SingleWord { get; init; }

    /// <summary>Swallows white space to its left.</summary>
    public bool LeftStrip { get; init; }

    /// <summary>Swallows white space to its right.</summary>
    public bool RightStrip { get; init; }

    /// <summary>Looked for in the normalised text.</summary>
    public bool Normalized { get; init; }
}
