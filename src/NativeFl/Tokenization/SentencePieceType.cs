namespace NativeFl.Tokenization;

/// <summary>The types of sentencepiece_model.proto.</summary>
internal enum SentencePieceType
{
    /// <summary>Made by merging.</summary>
    Normal = 1,

    /// <summary>Stands for what has no piece.</summary>
    Unknown = 2,

    /// <summary>Never found in text, such as &lt;s&gt;.</summary>
    Control = 3,

    /// <summary>Found in text before merging, and never merged.</summary>
    UserDefined = 4,

    /// <summary>Never given out.</summary>
    Unused = 5,

    /// <summary>One byte.</summary>
    Byte = 6,
}
