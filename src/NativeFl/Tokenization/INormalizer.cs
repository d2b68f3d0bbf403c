namespace NativeFl.Tokenization;

/// <summary>Rewrites text before it is split into words.</summary>
internal interface INormalizer
{
    /// <summary>The rewritten text; the input has no lone surrogates.</summary>
    string Normalize(string text, TextPosition position);
}
