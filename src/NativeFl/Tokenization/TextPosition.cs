namespace NativeFl.Tokenization;

/// <summary>Where a stretch of text between added tokens stands; a prefix space depends on it.</summary>
internal enum TextPosition
{
    /// <summary>At the start of the input.</summary>
    Start,

    /// <summary>After an added token.</summary>
    AfterToken,

    /// <summary>It goes on where other text stopped: no prefix, whatever the file says.</summary>
    Continuation,
}
