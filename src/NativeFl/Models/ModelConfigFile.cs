using System.Globalization;
using System.Text.Json.Nodes;
using NativeFl.Tensors;
using static System.FormattableString;

namespace NativeFl.Models;

/// <summary>Reads and writes Hugging Face's config.json for the Llama family.</summary>
public static class ModelConfigFile
{
    /// <summary>The file's name in a model folder.</summary>
    public const string FileName = "config.json";

    // Far beyond any model, and small enough that no product of the sizes overflows.
    private const int MaxSize = 1 << 22, MaxLayers = 10_000, MaxPositions = 1 << 30;

    private static readonly string[] Families = ["llama", "mistral", "qwen2", "qwen3"];

    /// <summary>Reads the config.json of a model folder. A generation_config.json beside it decides which ids end generation.</summary>
    /// <exception cref="InvalidInputException">
    /// A file is missing, or describes no model that NativeFl can run; the message names file and field.
    /// </exception>
    public static ModelConfig Load(string folder)
    {
        if (!Directory.Exists(folder))
            throw new InvalidInputException(folder, $"a model folder with {FileName}", File.Exists(folder) ? "a file" : "no such folder");
        string path = Path.Combine(folder, FileName);
        ModelConfig config = Parse(JsonFile.Read(path), path);
        string generation = Path.Combine(folder, "generation_config.json");
        if (!File.Exists(generation)) return config;
        JsonFields fields = new(JsonFile.Read(generation), generation);
        return fields.OptionalInt32s("eos_token_id", 0, config.VocabularySize - 1) is { } ids ? config with { EosTokenIds = ids } : config;
    }

    /// <summary>Reads a config from text.</summary>
    /// <param name="json">The text.</param>
    /// <param name="source">What to call it in messages.</param>
    /// <exception cref="InvalidInputException">It describes no model that NativeFl can run.</exception>
    public static ModelConfig Parse(string json, string source) => Parse(JsonFile.Parse(json, source), source);

    /// <summary>
    /// The config as JSON, for weights stored as <paramref name="storage"/>: <see cref="ModelConfig.Json"/> (so that what NativeFl does
    /// not know stays), brought up to date with the record, or written from the record where it is empty.
    /// </summary>
    /// <exception cref="ArgumentException">The record's biases or norms are not what its family has.</exception>
    public static JsonObject ToJson(ModelConfig config, DType storage)
    {
        JsonObject json = (JsonObject)config.Json.DeepClone();
        if (json.Count == 0) AddFamily(json, config);
        ModelConfig old = Parse(json.ToJsonString(), FileName);
        if ((old.HasQkvBias, old.HasOutputBias, old.HasMlpBias, old.HasQkNorm)
            != (config.HasQkvBias, config.HasOutputBias, config.HasMlpBias, config.HasQkNorm))
            throw new ArgumentException($"a {config.ModelType} has other biases or norms than this config", nameof(config));
        foreach ((string key, int before, int after) in Sizes(old, config))
        {
            if (before != after) json[key] = after;
        }

        if (old.Dropped.Count + config.Dropped.Count > 0) config.Dropped.Write(json, config.LayerCount);
        if (old.NormEpsilon != config.NormEpsilon) json["rms_norm_eps"] = Shortest(config.NormEpsilon);
        if (old.TieWordEmbeddings != config.TieWordEmbeddings) json["tie_word_embeddings"] = config.TieWordEmbeddings;
        string type = storage switch
        {
            DType.F32 => "float32",
            DType.BF16 => "bfloat16",
            DType.F16 => "float16",
            _ => throw new ArgumentOutOfRangeException(nameof(storage)),
        };
        if (json.ContainsKey("dtype")) json["dtype"] = type;
        if (json.ContainsKey("torch_dtype") || !json.ContainsKey("dtype")) json["torch_dtype"] = type;
        return json;
    }

    private static ModelConfig Parse(JsonObject json, string source)
    {
        JsonFields fields = new(json, source);
        string family = fields.OptionalString("model_type") ?? throw fields.Error("model_type", OneOf(Families), "nothing");
        if (!Families.Contains(family)) throw fields.Error("model_type", OneOf(Families));
        RefuseWhatChangesTheModel(fields);
        int hidden = fields.Int32("hidden_size", 1, MaxSize), heads = fields.Int32("num_attention_heads", 1, MaxSize);
        int layers = fields.Int32("num_hidden_layers", 1, MaxLayers), vocabulary = fields.Int32("vocab_size", 1, MaxSize);
        int kvHeads = fields.OptionalInt32("num_key_value_heads", 1, MaxSize) ?? heads;
        if (heads % kvHeads != 0) throw fields.Error("num_key_value_heads", Invariant($"a divisor of the {heads} attention heads"));
        int positions = fields.OptionalInt32("max_position_embeddings", 1, MaxPositions) ?? (family == "llama" ? 2048 : 32768);
        (double theta, RopeScaling? scaling) = ReadRope(fields, positions);
        (int window, Func<int, bool> usesWindow) = ReadWindow(fields, family, layers);
        bool attentionBias = family is "llama" or "qwen3" && fields.Bool("attention_bias", false);
        return new ModelConfig
        {
            ModelType = family,
            VocabularySize = vocabulary,
            HiddenSize = hidden,
            IntermediateSize = fields.Int32("intermediate_size", 1, MaxSize),
            LayerCount = layers,
            Heads = heads,
            KvHeads = kvHeads,
            HeadWidth = ReadHeadWidth(fields, family, hidden, heads),
            NormEpsilon = ReadEpsilon(fields),
            RopeTheta = theta,
            RopeScaling = scaling,
            MaxPositions = positions,
            TieWordEmbeddings = fields.Bool("tie_word_embeddings", false),
            SlidingWindow = window,
            UsesSlidingWindow = usesWindow,
            HasQkvBias = family == "qwen2" || attentionBias,
            HasOutputBias = attentionBias,
            HasMlpBias = family == "llama" && fields.Bool("mlp_bias", false),
            HasQkNorm = family == "qwen3",
            Dropped = DroppedSublayers.Read(fields, layers),
            BosTokenId = fields.OptionalInt32("bos_token_id", 0, vocabulary - 1),
            EosTokenIds = fields.OptionalInt32s("eos_token_id", 0, vocabulary - 1) ?? [],
            Json = json,
        };
    }

    private static void RefuseWhatChangesTheModel(JsonFields fields)
    {
        if (fields.OptionalString("hidden_act") is { } activation && activation is not ("silu" or "swish"))
            throw fields.Error("hidden_act", "silu");
        if (fields.Has("quantization_config"))
            throw fields.Error("quantization_config", "weights in f32, f16 or bf16", "a quantised model");
        if (fields.OptionalDouble("partial_rotary_factor") is { } partial && partial != 1) throw fields.Error("partial_rotary_factor", "1");
    }

    private static float ReadEpsilon(JsonFields fields)
    {
        float epsilon = (float)fields.PositiveDouble("rms_norm_eps", 1e-6);
        return epsilon > 0 && float.IsFinite(epsilon) ? epsilon : throw fields.Error("rms_norm_eps", "a positive number that f32 can hold");
    }

    private static int ReadHeadWidth(JsonFields fields, string family, int hidden, int heads)
    {
        int? width = fields.OptionalInt32("head_dim", 1, MaxSize);
        if (width is null && family == "qwen3") width = 128;
        if (width is null && hidden % heads != 0)
            throw fields.Error("hidden_size", Invariant($"a multiple of the {heads} attention heads, or a head_dim"));
        int result = width ?? hidden / heads;
        string field = fields.Has("head_dim") ? "head_dim" : "hidden_size";
        if (result % 2 != 0) throw fields.Error(field, "an even head width, for rotary positions", Invariant($"{result}"));
        if ((long)result * heads > MaxSize)
            throw fields.Error(field, Invariant($"heads times head width of at most {MaxSize}"), Invariant($"{heads} times {result}"));
        return result;
    }

    // Newer files keep base and scaling together in rope_parameters; older ones have rope_theta and rope_scaling.
    private static (double Theta, RopeScaling? Scaling) ReadRope(JsonFields fields, int positions)
    {
        double theta = fields.PositiveDouble("rope_theta", 10000);
        RopeScaling? scaling = null;
        if (fields.OptionalObject("rope_parameters") is { } parameters)
        {
            if (parameters.Json.Any(p => p.Value is JsonObject))
                throw fields.Error("rope_parameters", "one set of parameters for all layers");
            theta = parameters.PositiveDouble("rope_theta", theta);
            scaling = ReadScaling(parameters, parameters.OptionalString("rope_type") ?? "default", positions);
        }

        if (fields.OptionalObject("rope_scaling") is { } old)
        {
            string kind = old.OptionalString("rope_type") ?? old.OptionalString("type")
                ?? throw old.Error("rope_type", "default, linear or llama3", "nothing");
            scaling = ReadScaling(old, kind, positions);
        }

        return (theta, scaling);
    }

    private static RopeScaling? ReadScaling(JsonFields fields, string kind, int positions)
    {
        switch (kind)
        {
            case "default":
                return null;
            case "linear":
                return new RopeScaling(kind, fields.PositiveDouble("factor"));
            case "llama3":
                double low = fields.PositiveDouble("low_freq_factor"), high = fields.PositiveDouble("high_freq_factor");
                if (high <= low) throw fields.Error("high_freq_factor", Invariant($"more than low_freq_factor, {low}"));
                int original = fields.OptionalInt32("original_max_position_embeddings", 1, MaxPositions) ?? positions;
                return new RopeScaling(kind, fields.PositiveDouble("factor"), low, high, original);
            default:
                string field = fields.Has("rope_type") ? "rope_type" : "type";
                throw fields.Error(field, "default, linear or llama3", JsonFile.Quote(kind));
        }
    }

    private static (int Window, Func<int, bool> UsesWindow) ReadWindow(JsonFields fields, string family, int layers)
    {
        // Llama has no window. Mistral's default stands in for a missing key; an explicit null switches it off.
        const int Default = 4096;
        Func<int, bool> everywhere = static _ => true;
        int Window() => fields.Json.ContainsKey("sliding_window") ? fields.OptionalInt32("sliding_window", 1, MaxPositions) ?? 0 : Default;
        if (family == "mistral") return (Window(), everywhere);
        if (family == "llama") return (0, everywhere);

        int window = fields.Bool("use_sliding_window", false) ? Window() : 0;
        if (fields.OptionalStrings("layer_types") is { } types)
        {
            if (types.Count != layers)
                throw fields.Error("layer_types", Invariant($"{layers} entries, one a layer"), Invariant($"{types.Count}"));
            bool[] slides = [.. types.Select(t => t == "sliding_attention")];
            if (types.FirstOrDefault(t => t is not ("full_attention" or "sliding_attention")) is { } other)
                throw fields.Error("layer_types", "full_attention or sliding_attention", JsonFile.Quote(other));
            if (window == 0 && slides.Contains(true))
                throw fields.Error("layer_types", "full_attention only, as use_sliding_window is off", "sliding_attention");
            return (window, layer => slides[layer]);
        }

        int first = fields.OptionalInt32("max_window_layers", 0, MaxPositions) ?? 28;
        return (window, layer => layer >= first);
    }

    private static (string Key, int Before, int After)[] Sizes(ModelConfig old, ModelConfig config) =>
    [
        ("vocab_size", old.VocabularySize, config.VocabularySize),
        ("hidden_size", old.HiddenSize, config.HiddenSize),
        ("intermediate_size", old.IntermediateSize, config.IntermediateSize),
        ("num_hidden_layers", old.LayerCount, config.LayerCount),
        ("num_attention_heads", old.Heads, config.Heads),
        ("num_key_value_heads", old.KvHeads, config.KvHeads),
        ("head_dim", old.HeadWidth, config.HeadWidth),
        ("max_position_embeddings", old.MaxPositions, config.MaxPositions),
    ];

    private static void AddFamily(JsonObject json, ModelConfig config)
    {
        json["architectures"] = new JsonArray(config.ModelType switch
        {
            "llama" => "LlamaForCausalLM",
            "mistral" => "MistralForCausalLM",
            "qwen2" => "Qwen2ForCausalLM",
            "qwen3" => "Qwen3ForCausalLM",
            _ => throw new ArgumentException($"unknown family {config.ModelType}", nameof(config)),
        });
        json["model_type"] = config.ModelType;
        foreach ((string key, _, int value) in Sizes(config, config)) json[key] = value;
        json["rms_norm_eps"] = Shortest(config.NormEpsilon);
        json["rope_theta"] = config.RopeTheta;
        if (config.RopeScaling is { } scaling) json["rope_scaling"] = ScalingJson(scaling);
        json["tie_word_embeddings"] = config.TieWordEmbeddings;
        json["hidden_act"] = "silu";
        if (config.ModelType is "llama" or "qwen3") json["attention_bias"] = config.HasOutputBias;
        if (config.ModelType == "llama") json["mlp_bias"] = config.HasMlpBias;
        if (config.ModelType == "mistral") json["sliding_window"] = config.SlidingWindow > 0 ? config.SlidingWindow : null;
        if (config.ModelType is "qwen2" or "qwen3" && config.SlidingWindow > 0)
        {
            json["use_sliding_window"] = true;
            json["sliding_window"] = config.SlidingWindow;
            IEnumerable<JsonNode> types = Enumerable.Range(0, config.LayerCount)
                .Select(layer => (JsonNode)(config.UsesSlidingWindow(layer) ? "sliding_attention" : "full_attention"));
            json["layer_types"] = new JsonArray([.. types]);
        }

        json["bos_token_id"] = config.BosTokenId;
        json["eos_token_id"] = config.EosTokenIds.Count switch
        {
            0 => null,
            1 => config.EosTokenIds[0],
            _ => new JsonArray([.. config.EosTokenIds.Select(id => (JsonNode)id)]),
        };
    }

    private static JsonObject ScalingJson(RopeScaling scaling)
    {
        JsonObject json = new() { ["rope_type"] = scaling.Kind, ["factor"] = scaling.Factor };
        if (scaling.Kind != "llama3") return json;
        json["low_freq_factor"] = scaling.LowFrequencyFactor;
        json["high_freq_factor"] = scaling.HighFrequencyFactor;
        json["original_max_position_embeddings"] = scaling.OriginalMaxPositions;
        return json;
    }

    // 1e-5f becomes 1e-05, not the 0.000009999999747378752 that a plain widening gives.
    private static double Shortest(float value) =>
        double.Parse(value.ToString("R", CultureInfo.InvariantCulture), CultureInfo.InvariantCulture);

    private static string OneOf(string[] names) => "one of " + string.Join(", ", names);
}
