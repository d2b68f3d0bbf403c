using System.Text.Json.Nodes;

namespace NativeFl.Models;

/// <summary>PEFT's adapter_config.json, read and checked: which modules of a model carry an adapter, of what rank and scaling.</summary>
internal sealed class AdapterConfig
{
    public const string FileName = "adapter_config.json";

    private const int MaxRank = 1 << 20;

    // What turns an adapter into something other than W + s B A. All of them are null, false or empty in a plain adapter.
    private static readonly string[] Variants =
    [
        "use_dora", "use_qalora", "use_bdlora", "modules_to_save", "fan_in_fan_out", "lora_bias", "layer_replication",
        "trainable_token_indices", "target_parameters", "megatron_config", "alora_invocation_tokens", "arrow_config",
    ];

    private readonly JsonFields _fields;
    private readonly TargetModules? _excluded;
    private readonly IReadOnlyList<int>? _layers;
    private readonly ModuleValues _ranks;
    private readonly ModuleValues _alphas;
    private readonly int _rank;
    private readonly double _alpha;

    public AdapterConfig(JsonObject json, string path, ModelConfig model)
    {
        _fields = new JsonFields(json, path);
        Refuse(_fields);
        _rank = _fields.Int32("r", 1, MaxRank);
        _alpha = _fields.Double("lora_alpha");
        _ranks = new ModuleValues(_fields.OptionalObject("rank_pattern"), (fields, key) => fields.Int32(key, 1, MaxRank));
        _alphas = new ModuleValues(_fields.OptionalObject("alpha_pattern"), (fields, key) => fields.Double(key));
        Targets = TargetModules.Read(_fields, "target_modules")
            ?? throw _fields.Error("target_modules", "all-linear, a list of names or a pattern", "nothing");
        foreach (string module in (ReadOnlySpan<string>)["lm_head", "model.embed_tokens"])
        {
            if (!Targets.IsAll && Targets.Matches(module)) throw _fields.Error("target_modules", "linear layers of the blocks", module);
        }

        _excluded = TargetModules.Read(_fields, "exclude_modules");
        _layers = ReadLayers(_fields, model.LayerCount);
        double dropout = _fields.OptionalDouble("lora_dropout") ?? 0;
        if (dropout is < 0 or >= 1) throw _fields.Error("lora_dropout", "a number in [0, 1)");
        Settings = new AdapterSettings
        {
            Dropout = dropout,
            UseRsLora = _fields.Bool("use_rslora", false),
            BaseModel = _fields.OptionalString("base_model_name_or_path") ?? "",
            LayerCount = model.LayerCount,
        };
    }

    public AdapterSettings Settings { get; }

    public TargetModules Targets { get; }

    public bool Covers(ModuleId module)
    {
        string name = module.Name;
        if (!Targets.Matches(name) || (_excluded is not null && _excluded.Matches(name))) return false;
        return _layers is null || Targets.Lists(name) || _layers.Contains(module.Layer);
    }

    public int RankOf(ModuleId module) => (int)(_ranks.For(module.Name) ?? _rank);

    /// <summary>s = α / r, or α / √r.</summary>
    public float ScalingOf(ModuleId module)
    {
        int rank = RankOf(module);
        double alpha = _alphas.For(module.Name) ?? _alpha;
        float scaling = (float)(alpha / (Settings.UseRsLora ? Math.Sqrt(rank) : rank));
        return float.IsFinite(scaling)
            ? scaling
            : throw _fields.Error("lora_alpha", "a scaling that f32 can hold", FormattableString.Invariant($"{alpha}"));
    }

    private static void Refuse(JsonFields fields)
    {
        string type = fields.OptionalString("peft_type") ?? throw fields.Error("peft_type", "LORA", "nothing");
        if (type != "LORA") throw fields.Error("peft_type", "LORA", JsonFile.Quote(type));
        if (fields.OptionalString("bias") is { } bias && bias != "none") throw fields.Error("bias", "none", JsonFile.Quote(bias));
        foreach (string variant in Variants)
        {
            if (IsSet(fields.Json[variant])) throw fields.Error(variant, "a plain LoRA adapter without it");
        }

        if (fields.OptionalString("megatron_core") is { } core && core != "megatron.core")
            throw fields.Error("megatron_core", "a plain LoRA adapter without it", JsonFile.Quote(core));

        // PiSSA, OLoRA, CorDA, LoftQ and their like change the base weights as well; these do not.
        if (fields.Json["init_lora_weights"] is JsonValue init && init.TryGetValue(out string? name)
            && name is not ("default" or "gaussian" or "orthogonal" or "eva" or "true" or "false"))
            throw fields.Error("init_lora_weights", "an initialisation that leaves the base as it is", JsonFile.Quote(name));
    }

    private static bool IsSet(JsonNode? node) => node switch
    {
        null => false,
        JsonArray array => array.Count > 0,
        JsonObject json => json.Count > 0,
        JsonValue value => !(value.TryGetValue(out bool flag) && !flag),
        _ => true,
    };

    private static IReadOnlyList<int>? ReadLayers(JsonFields fields, int count)
    {
        if (fields.OptionalInt32s("layers_to_transform", 0, count - 1) is not { } layers) return null;
        JsonNode? pattern = fields.Json["layers_pattern"] is JsonArray { Count: 1 } array ? array[0] : fields.Json["layers_pattern"];
        bool isKnown = pattern is null or JsonArray { Count: 0 }
            || (pattern is JsonValue value && value.TryGetValue(out string? text) && text is "layers" or "");
        return isKnown ? layers : throw fields.Error("layers_pattern", "layers");
    }
}
