namespace NativeFl.Tokenization;

/// <summary>Splits text into the words that merging never crosses.</summary>
internal interface IPreTokenizer
{
    /// <summary>Splits one word further and appends the parts; empty parts are left out.</summary>
    void Split(string word, TextPosition position, List<string> words);
}
