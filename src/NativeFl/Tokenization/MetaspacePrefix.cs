namespace NativeFl.Tokenization;

/// <summary>When a mark is put in front of a text.</summary>
internal enum MetaspacePrefix
{
    /// <summary>Never.</summary>
    Never,

    /// <summary>At the start of the input only.</summary>
    First,

    /// <summary>Also after added tokens.</summary>
    Always,
}
