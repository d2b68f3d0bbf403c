using System.Numerics.Tensors;
using System.Text.Json.Nodes;
using NativeFl.Models;
using NativeFl.Tensors;
using NativeFl.Tokenization;
using JsonFile = NativeFl.Models.JsonFile;

namespace NativeFl.DataRefinement;

/// <summary>
/// Embeds texts by a sentence embedder of the BERT family in its usual folder (Reimers and Gurevych, arXiv:1908.10084; all-MiniLM-L6-v2 is SHED's):
/// config.json, model.safetensors, vocab.txt, and, where they are there, tokenizer_config.json, sentence_bert_config.json (max_seq_length) and
/// modules.json. Tokens beyond the longest sequence are cut; the mean over all tokens, [CLS] and [SEP] among them, is divided by its length
/// where modules.json lists a Normalize.
/// </summary>
public sealed class SentenceEmbedder : IDisposable
{
    private readonly BertConfig _config;
    private readonly BertWeights _weights;
    private readonly BertEncoder _encoder;
    private readonly WordPiece _tokenizer;
    private readonly int _maxLength, _maxRows;
    private readonly bool _normalises;

    private SentenceEmbedder(BertConfig config, BertWeights weights, WordPiece tokenizer, (int MaxLength, bool Normalises) settings, int maxRows)
    {
        (_config, _weights, _tokenizer, _maxRows) = (config, weights, tokenizer, maxRows);
        (_maxLength, _normalises) = settings;
        _encoder = new BertEncoder(config, weights);
    }

    /// <summary>Reads a folder.</summary>
    /// <param name="backend">Where its products are computed; opened once the folder has proved valid.</param>
    /// <param name="folder">The embedder.</param>
    /// <param name="maxRows">Token rows of a pass.</param>
    /// <exception cref="InvalidInputException">The folder is no such embedder, or one with parts that are not known.</exception>
    public static SentenceEmbedder Load(Func<Backend> backend, string folder, int maxRows = 2048)
    {
        ArgumentNullException.ThrowIfNull(backend);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(maxRows);
        BertConfig config = BertConfig.Read(folder);
        WordPiece tokenizer = WordPiece.Load(folder);
        if (tokenizer.Vocabulary > config.Vocabulary)
        {
            throw new InvalidInputException(
                Path.Combine(folder, "vocab.txt"), FormattableString.Invariant($"at most the {config.Vocabulary} tokens of config.json"), FormattableString.Invariant($"{tokenizer.Vocabulary}"));
        }

        (int, bool) settings = (MaxLength(folder, config), Normalises(folder));
        return new SentenceEmbedder(config, BertWeights.Load(backend, config, folder), tokenizer, settings, maxRows);
    }

    /// <summary>Embeds texts, each by itself: neither their order nor their neighbours matter.</summary>
    /// <param name="texts">Any texts.</param>
    /// <param name="onRecord">Told how many are done.</param>
    /// <param name="cancellation">Polled between passes.</param>
    /// <exception cref="RunFailedException">An embedding is not finite.</exception>
    public Embeddings Embed(IReadOnlyList<string> texts, Action<int>? onRecord = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(texts);
        int width = _config.Width;
        float[] values = Embeddings.Room(texts.Count, width);
        var batch = new List<int[]>();
        for (int first = 0; first < texts.Count;)
        {
            cancellation.ThrowIfCancellationRequested();
            batch.Clear();
            int rows = 0;
            for (int next = first; next < texts.Count; next++)
            {
                int[] ids = _tokenizer.Encode(texts[next], _maxLength);
                if (batch.Count > 0 && rows + ids.Length > _maxRows) break;
                batch.Add(ids);
                rows += ids.Length;
            }

            ReadOnlySpan<float> states = _encoder.Encode(batch);
            foreach (int[] ids in batch)
            {
                Span<float> mean = values.AsSpan(first * width, width);
                MeanPooling.Pool(states[..(ids.Length * width)], mean);
                if (_normalises) Normalise(mean);
                states = states[(ids.Length * width)..];
                first++;
            }

            onRecord?.Invoke(first);
        }

        return new Embeddings(values, width);
    }

    /// <inheritdoc/>
    public void Dispose() => _weights.Dispose();

    /// <summary>The ids of a text, as they go into the encoder.</summary>
    internal int[] Ids(string text) => _tokenizer.Encode(text, _maxLength);

    // As PyTorch divides: by at least 1e-12.
    private static void Normalise(Span<float> mean) => TensorPrimitives.Divide(mean, Math.Max(TensorPrimitives.Norm(mean), 1e-12f), mean);

    private static int MaxLength(string folder, BertConfig config)
    {
        string path = Path.Combine(folder, "sentence_bert_config.json");
        int? length = File.Exists(path) ? new JsonFields(JsonFile.Read(path), path).OptionalInt32("max_seq_length", 3, int.MaxValue) : null;
        return Math.Min(length ?? config.Positions, config.Positions);
    }

    /// <summary>Whether modules.json lists a Normalize; what else it lists must be the transformer and the mean.</summary>
    private static bool Normalises(string folder)
    {
        string path = Path.Combine(folder, "modules.json");
        if (!File.Exists(path)) return false;
        bool normalises = false;
        foreach (JsonNode? module in JsonFile.ReadArray(path))
        {
            JsonFields fields = module is JsonObject entry ? new JsonFields(entry, path) : throw new InvalidInputException(path, "a list of modules", "another list");
            string type = fields.OptionalString("type") ?? "";
            string name = type[(type.LastIndexOf('.') + 1)..];
            normalises |= name == "Normalize";
            if (name == "Pooling") RequireMean(Path.Combine(folder, fields.OptionalString("path") ?? "", "config.json"));
            else if (name is not ("Transformer" or "Normalize")) throw fields.Error("type", "Transformer, Pooling or Normalize");
        }

        return normalises;
    }

    private static void RequireMean(string path)
    {
        JsonFields fields = new(JsonFile.Read(path), path);
        string[] others = [.. fields.Json.Where(f => f.Key.StartsWith("pooling_mode_", StringComparison.Ordinal) && f.Key != "pooling_mode_mean_tokens").Select(f => f.Key)];
        if (!fields.Bool("pooling_mode_mean_tokens", true)) throw fields.Error("pooling_mode_mean_tokens", "true, mean pooling");
        if (others.FirstOrDefault(name => fields.Bool(name, false)) is { } other) throw fields.Error(other, "false, mean pooling alone");
    }
}
