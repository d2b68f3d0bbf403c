namespace NativeFl.Tokenization;

/// <summary>The pipeline of a tokenizer.json: normaliser, splitting into words, BPE.</summary>
internal sealed class BytePairEncoder(INormalizer? normalizer, IPreTokenizer? preTokenizer, BytePairModel model) : ITextEncoder
{
    /// <inheritdoc/>
    public string Normalize(string text, TextPosition position) => normalizer is null ? text : normalizer.Normalize(text, position);

    /// <inheritdoc/>
    public void Encode(string normalized, TextPosition position, List<int> ids)
    {
        if (normalized.Length == 0) return;
        var words = new List<string>();
        if (preTokenizer is null) words.Add(normalized);
        else preTokenizer.Split(normalized, position, words);
        foreach (string word in words) model.Encode(word, ids);
    }
}
