using System.Text.Json.Nodes;
using NativeFl.Tensors;
using static System.FormattableString;

namespace NativeFl.Models;

/// <summary>
/// A Hugging Face model folder, open for reading: config.json and model.safetensors, or the shards that model.safetensors.index.json
/// names. The weights stay in the memory-mapped files. Reading is thread-safe.
/// </summary>
public sealed class Checkpoint : IDisposable
{
    /// <summary>The weights of a folder with a single file.</summary>
    public const string SingleFile = "model.safetensors";

    /// <summary>The list of tensors of a folder with several files.</summary>
    public const string IndexFile = "model.safetensors.index.json";

    private readonly List<SafetensorsFile> _files = [];
    private readonly Dictionary<string, SafetensorsFile> _fileOf = [];
    private readonly string _listing;

    private Checkpoint(string folder, ModelConfig config)
    {
        Folder = folder;
        Config = config;
        string single = Path.Combine(folder, SingleFile), index = Path.Combine(folder, IndexFile);
        bool valid = false;
        try
        {
            _listing = File.Exists(single) || !File.Exists(index) ? single : index;
            if (_listing == index) OpenShards(index);
            else OpenSingle(single);
            valid = true;
        }
        finally
        {
            if (!valid) Dispose();
        }

        string first = new ModuleId(0, Projection.Query).Name + ".weight";
        StorageType = Contains(first) ? Entry(first).DType switch { "BF16" => DType.BF16, "F16" => DType.F16, _ => DType.F32 } : DType.F32;
    }

    /// <summary>The folder.</summary>
    public string Folder { get; }

    /// <summary>What config.json says.</summary>
    public ModelConfig Config { get; }

    /// <summary>How the linear weights are stored: f32, bf16 or f16 (f64 counts as f32).</summary>
    public DType StorageType { get; }

    /// <summary>The tensors' names.</summary>
    public IEnumerable<string> Names => _fileOf.Keys;

    /// <summary>Opens a folder and checks config, index and the headers of all files; <see cref="Validate"/> compares them.</summary>
    /// <exception cref="InvalidInputException">A file is missing or wrong.</exception>
    public static Checkpoint Open(string folder) => new(folder, ModelConfigFile.Load(folder));

    /// <summary>Whether there is a tensor of that name.</summary>
    public bool Contains(string name) => _fileOf.ContainsKey(name);

    /// <summary>Rows firstRow .. of a matrix of <paramref name="columns"/> columns (1 for a vector), converted to f32.</summary>
    /// <exception cref="InvalidInputException">There is no such tensor.</exception>
    public void Read(string name, int firstRow, int columns, Span<float> rows) => FileOf(name).Read(name, (long)firstRow * columns, rows);

    /// <summary>Checks that every weight that the config implies is there, with its shape and a floating-point type.</summary>
    /// <exception cref="InvalidInputException">One is not; the message names file and tensor.</exception>
    public void Validate()
    {
        foreach ((string name, long[] shape) in ExpectedTensors(Config))
        {
            SafetensorsEntry entry = Entry(name);
            string where = $"{FileOf(name).Path}: {name}";
            if (!entry.Shape.AsSpan().SequenceEqual(shape))
                throw new InvalidInputException(where, "shape " + SafetensorsHeader.Format(shape), SafetensorsHeader.Format(entry.Shape));
            if (!SafetensorsHeader.IsFloat(entry.DType))
                throw new InvalidInputException(where, "a dtype of F32, BF16, F16 or F64", entry.DType);
        }
    }

    /// <summary>Every tensor of such a model with its shape, in model order. A tied head is not a tensor of its own.</summary>
    public static IEnumerable<(string Name, long[] Shape)> ExpectedTensors(ModelConfig config)
    {
        long width = config.HiddenSize;
        yield return ("model.embed_tokens.weight", [config.VocabularySize, width]);
        foreach (Sublayer sublayer in config.Sublayers())
        {
            string block = Invariant($"model.layers.{sublayer.Layer}.");
            bool isAttention = sublayer.Kind == SublayerKind.Attention;
            yield return (block + (isAttention ? "input_layernorm.weight" : "post_attention_layernorm.weight"), [width]);
            if (isAttention && config.HasQkNorm)
            {
                yield return (block + "self_attn.q_norm.weight", [config.HeadWidth]);
                yield return (block + "self_attn.k_norm.weight", [config.HeadWidth]);
            }

            foreach (ModuleId module in ModuleId.Of(sublayer))
            {
                (int rows, int columns) = config.ShapeOf(module.Projection);
                yield return (module.Name + ".weight", [rows, columns]);
                if (config.HasBias(module.Projection)) yield return (module.Name + ".bias", [rows]);
            }
        }

        yield return ("model.norm.weight", [width]);
        if (!config.TieWordEmbeddings) yield return ("lm_head.weight", [config.VocabularySize, width]);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (SafetensorsFile file in _files) file.Dispose();
        _files.Clear();
    }

    internal SafetensorsEntry Entry(string name) => FileOf(name).Entry(name);

    private SafetensorsFile FileOf(string name) => _fileOf.TryGetValue(name, out SafetensorsFile? file)
        ? file
        : throw new InvalidInputException($"{_listing}: {JsonFile.Quote(name)}", "a tensor of that name", "no such tensor");

    private void OpenSingle(string path)
    {
        if (!File.Exists(path))
        {
            string pickled = Path.Combine(Folder, "pytorch_model.bin");
            bool isPickled = File.Exists(pickled) || File.Exists(pickled + ".index.json");
            throw new InvalidInputException(
                Folder, $"{SingleFile} or {IndexFile}", isPickled ? "a pickled pytorch_model.bin, which is not read" : "neither");
        }

        SafetensorsFile file = SafetensorsFile.Open(path);
        _files.Add(file);
        foreach (string name in file.Entries.Keys) _fileOf.Add(name, file);
    }

    private void OpenShards(string index)
    {
        JsonFields fields = new(JsonFile.Read(index, maxBytes: 64 << 20), index);
        JsonFields map = fields.OptionalObject("weight_map")
            ?? throw fields.Error("weight_map", "an object of tensor names and files", "nothing");
        Dictionary<string, SafetensorsFile> shards = [];
        long bytes = 0;
        foreach ((string name, JsonNode? node) in map.Json)
        {
            string file = node is JsonValue value && value.TryGetValue(out string? text)
                ? text : throw map.Error(JsonFile.Quote(name), "a file name", JsonFields.Describe(node));
            if (!shards.TryGetValue(file, out SafetensorsFile? shard))
            {
                shard = SafetensorsFile.Open(ShardPath.Resolve(Folder, file, index));
                _files.Add(shard);
                shards.Add(file, shard);
            }

            bytes += shard.Entry(name).Bytes;
            _fileOf.Add(name, shard);
        }

        foreach (SafetensorsFile shard in _files)
        {
            string? twice = shard.Entries.Keys
                .FirstOrDefault(name => _fileOf.TryGetValue(name, out SafetensorsFile? other) && other != shard);
            if (twice is null) continue;
            throw new InvalidInputException(
                $"{shard.Path}: {JsonFile.Quote(twice)}", $"each tensor in one shard, this one in {_fileOf[twice].Path}", "it in both");
        }

        if (fields.OptionalObject("metadata") is { } metadata && metadata.OptionalDouble("total_size") is { } claimed && claimed != bytes)
            throw metadata.Error("total_size", Invariant($"{bytes}, the bytes of the listed tensors"));
    }
}
