using System.Text;
using NativeFl.Tensors;

namespace NativeFl.Tokenization;

/// <summary>
/// A model's tokenizer: tokenizer.json with a BPE model (byte-level or SentencePiece style), or a SentencePiece BPE tokenizer.model.
/// Instances do not change and may be shared between threads.
/// </summary>
public sealed class Tokenizer
{
    private readonly TokenizerContent _content;
    private readonly AddedTokenMatcher _raw;
    private readonly AddedTokenMatcher _normalized;
    private readonly AddedTokenMatcher _all;
    private readonly HashSet<int> _added;
    private readonly int[] _prefix;

    internal Tokenizer(TokenizerContent content, TokenizerConfigFile config)
    {
        _content = content;
        _added = [.. content.AddedTokens.Select(t => t.Id)];
        _raw = new AddedTokenMatcher(content.AddedTokens.Where(t => !t.Normalized).Select(t => (t.Content, t)));
        _normalized = new AddedTokenMatcher(content.AddedTokens.Where(t => t.Normalized)
            .Select(t => (content.Encoder.Normalize(WholeCharacters(t.Content), TextPosition.Start), t)));
        _all = new AddedTokenMatcher(content.AddedTokens.Select(t => (t.Content, t)));
        BosId = Id(config.Bos, "bos_token") ?? content.BosId ?? (content.Prefix.Count > 0 ? content.Prefix[0] : null);
        EosId = Id(config.Eos, "eos_token") ?? content.EosId;
        // A padding token that the vocabulary lacks is common and harmless: sequences are padded behind their last counted token.
        PadId = config.Pad is { } pad && content.Ids.TryGetValue(pad, out int padId) ? padId : content.PadId;
        _prefix = config.AddBos switch
        {
            false => [],
            true when content.Prefix.Count == 0 && BosId is { } bos => [bos],
            _ => [.. content.Prefix],
        };
    }

    /// <summary>One more than the largest id.</summary>
    public int VocabularySize => _content.Table.Bytes.Length;

    /// <summary>The token that begins a text, if there is one.</summary>
    public int? BosId { get; }

    /// <summary>The token that ends a text, if there is one.</summary>
    public int? EosId { get; }

    /// <summary>The padding token, if there is one.</summary>
    public int? PadId { get; }

    /// <summary>What <c>addBos</c> puts in front of a text, as the tokenizer's template or add_bos_token says; often BOS, often nothing.</summary>
    public ReadOnlySpan<int> Prefix => _prefix;

    internal TokenTable Table => _content.Table;

    internal ITextEncoder Encoder => _content.Encoder;

    /// <summary>Reads the tokenizer of a model folder: tokenizer.json, else tokenizer.model; names of special tokens from tokenizer_config.json.</summary>
    /// <param name="modelFolder">A Hugging Face model folder.</param>
    /// <exception cref="InvalidInputException">No tokenizer, an unsupported component (named), or an inconsistent file.</exception>
    public static Tokenizer Load(string modelFolder)
    {
        ArgumentNullException.ThrowIfNull(modelFolder);
        string json = Path.Combine(modelFolder, "tokenizer.json"), model = Path.Combine(modelFolder, "tokenizer.model");
        TokenizerConfigFile config = TokenizerConfigFile.Load(modelFolder);
        if (File.Exists(json)) return new Tokenizer(TokenizerJsonFile.Load(json), config);
        if (File.Exists(model)) return new Tokenizer(SentencePieceFile.Load(model, config), config);
        throw new InvalidInputException(modelFolder, "a folder with tokenizer.json or tokenizer.model", "neither");
    }

    /// <summary>Checks that every id of this tokenizer has a row in the model's embedding.</summary>
    /// <param name="modelVocabularySize">vocab_size of config.json.</param>
    /// <exception cref="InvalidInputException">The tokenizer is larger than the model.</exception>
    public void RequireFits(int modelVocabularySize)
    {
        if (VocabularySize > modelVocabularySize)
            throw new InvalidInputException(_content.Source, $"ids below the model's vocabulary of {modelVocabularySize}", $"{VocabularySize - 1}");
    }

    /// <summary>Turns text into ids. Half a surrogate pair counts as U+FFFD.</summary>
    /// <param name="text">Any text.</param>
    /// <param name="addBos">Put <see cref="Prefix"/> in front. What a template puts behind a text (an end token) is never added here.</param>
    /// <param name="parseAddedTokens">
    /// Whether the spelling of an added token, such as "&lt;|end_of_text|&gt;", becomes that token. False for text from elsewhere:
    /// a record must not be able to end its own turn.
    /// </param>
    public int[] Encode(string text, bool addBos, bool parseAddedTokens = true)
    {
        ArgumentNullException.ThrowIfNull(text);
        text = WholeCharacters(text);
        var ids = new List<int>(_prefix.Length + (text.Length / 3));
        if (addBos) ids.AddRange(_prefix);
        if (parseAddedTokens) EncodeParsing(text, ids);
        else EncodePlain(text, TextPosition.Start, ids);
        return [.. ids];
    }

    /// <summary>Turns ids into text; bytes that are no UTF-8 become U+FFFD.</summary>
    /// <param name="ids">Ids of this tokenizer; an id that no token has counts as nothing.</param>
    /// <param name="skipSpecial">Leave special tokens out.</param>
    public string Decode(ReadOnlySpan<int> ids, bool skipSpecial = true)
    {
        var bytes = new List<byte>(ids.Length * 4);
        bool strip = _content.Table.StripFirstSpace;
        foreach (int id in ids)
        {
            ReadOnlySpan<byte> piece = Bytes(id, skipSpecial);
            if (piece.Length == 0) continue;
            bytes.AddRange(strip && piece[0] == ' ' ? piece[1..] : piece);
            strip = false;
        }

        return Encoding.UTF8.GetString([.. bytes]);
    }

    /// <summary>
    /// Appends the ids of a prompt's parts. Text between two added tokens is encoded in one go, whoever wrote it, so that merges
    /// cross the border of a field as they would in the finished text.
    /// </summary>
    internal void EncodeParts(IEnumerable<PromptPart> parts, TextPosition position, List<int> ids)
    {
        var run = new StringBuilder();
        foreach (PromptPart part in parts)
        {
            string text = part.Text;
            int start = 0;
            if (!part.IsField)
            {
                foreach ((int from, int to, AddedToken token) in _all.Find(text))
                {
                    run.Append(text, start, from - start);
                    EncodePlain(WholeCharacters(run.ToString()), position, ids);
                    run.Clear();
                    ids.Add(token.Id);
                    position = TextPosition.AfterToken;
                    start = to;
                }
            }

            run.Append(text, start, text.Length - start);
        }

        EncodePlain(WholeCharacters(run.ToString()), position, ids);
    }

    internal bool IsAddedToken(int id) => _added.Contains(id);

    internal ReadOnlySpan<byte> Bytes(int id, bool skipSpecial)
    {
        TokenTable table = _content.Table;
        if ((uint)id >= (uint)table.Bytes.Length || (skipSpecial && table.Special[id])) return default;
        return table.Bytes[id];
    }

    private void EncodeParsing(string text, List<int> ids)
    {
        int start = 0;
        foreach ((int from, int to, AddedToken token) in _raw.Find(text))
        {
            EncodeNormalizing(text[start..from], start == 0, ids);
            ids.Add(token.Id);
            start = to;
        }

        EncodeNormalizing(text[start..], start == 0, ids);
    }

    private void EncodeNormalizing(string text, bool first, List<int> ids)
    {
        if (text.Length == 0) return;
        string normalized = Encoder.Normalize(text, first ? TextPosition.Start : TextPosition.AfterToken);
        int start = 0;
        foreach ((int from, int to, AddedToken token) in _normalized.Find(normalized))
        {
            Encoder.Encode(normalized[start..from], first && start == 0 ? TextPosition.Start : TextPosition.AfterToken, ids);
            ids.Add(token.Id);
            start = to;
        }

        Encoder.Encode(normalized[start..], first && start == 0 ? TextPosition.Start : TextPosition.AfterToken, ids);
    }

    private void EncodePlain(string text, TextPosition position, List<int> ids)
    {
        if (text.Length > 0) Encoder.Encode(Encoder.Normalize(text, position), position, ids);
    }

    private int? Id(string? name, string member)
    {
        if (name is null) return null;
        if (_content.Ids.TryGetValue(name, out int id)) return id;
        throw new InvalidInputException($"{_content.Source}: {member}", "a token of the tokenizer", Shown.Text(name));
    }

    // Encoding.UTF8 would do the same at the very end; patterns and normalisation come before it.
    private static string WholeCharacters(string text)
    {
        if (!text.AsSpan().ContainsAnyInRange('\ud800', '\udfff')) return text;
        var whole = new StringBuilder(text.Length);
        foreach (Rune rune in text.EnumerateRunes()) whole.Append(rune.ToString());
        return whole.ToString();
    }
}
