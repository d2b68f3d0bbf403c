namespace NativeFl.Tokenization;

/// <summary>Turns the text between added tokens into ids.</summary>
internal interface ITextEncoder
{
    /// <summary>The text that merging sees; added tokens flagged "normalized" are looked for in it.</summary>
    string Normalize(string text, TextPosition position);

    /// <summary>Appends the ids of normalised text.</summary>
    void Encode(string normalized, TextPosition position, List<int> ids);
}
