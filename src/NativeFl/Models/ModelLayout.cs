using NativeFl.Tensors;

namespace NativeFl.Models;

/// <summary>The table of a model's parameters: names, shapes, and where each lies in one arena. Made before anything is allocated.</summary>
internal sealed class ModelLayout
{
    /// <summary>The name of a model's memory table.</summary>
    public const string PlanName = "weights";

    private readonly List<ModelParameter> _parameters = [];
    private readonly Backend _backend;
    private readonly DType _type;

    /// <summary>Lists every tensor that <paramref name="config"/> implies, matrices stored as <paramref name="type"/>.</summary>
    public ModelLayout(Backend backend, ModelConfig config, DType type)
    {
        if (type is not (DType.F32 or DType.BF16)) throw new ArgumentException($"weights are stored as f32 or bf16, not {type}", nameof(type));
        _backend = backend;
        _type = type;
        Plan = new MemoryPlan(PlanName);
        Embedding = Matrix("model.embed_tokens.weight", config.VocabularySize, config.HiddenSize);
        for (int layer = 0; layer < config.LayerCount; layer++) AddLayer(config, layer);
        FinalNorm = Vector("model.norm.weight", config.HiddenSize);
        Head = config.TieWordEmbeddings ? Embedding : Matrix("lm_head.weight", config.VocabularySize, config.HiddenSize);
    }

    /// <summary>The memory table.</summary>
    public MemoryPlan Plan { get; }

    /// <summary>In checkpoint order.</summary>
    public IReadOnlyList<ModelParameter> Parameters => _parameters;

    /// <summary>(V, C).</summary>
    public ModelParameter Embedding { get; }

    /// <summary>(C).</summary>
    public ModelParameter FinalNorm { get; }

    /// <summary>(V, C); the embedding where they are tied.</summary>
    public ModelParameter Head { get; }

    /// <summary>All values of the model.</summary>
    public long ParameterCount => _parameters.Sum(p => p.Count);

    /// <summary>Finds a parameter by name, or null.</summary>
    public ModelParameter? Find(string name) => _parameters.Find(p => p.Name == name);

    private void AddLayer(ModelConfig config, int layer)
    {
        string prefix = $"model.layers.{layer}.";
        bool hasAttention = !config.Dropped.Contains(new Sublayer(layer, SublayerKind.Attention));
        bool hasMlp = !config.Dropped.Contains(new Sublayer(layer, SublayerKind.Mlp));
        if (hasAttention) Vector(prefix + "input_layernorm.weight", config.HiddenSize);
        foreach (ModuleId module in config.ModulesOf(layer))
        {
            var (outFeatures, inFeatures) = config.ShapeOf(module.Projection);
            Matrix(module.Name + ".weight", outFeatures, inFeatures);
            if (config.HasBias(module.Projection)) Vector(module.Name + ".bias", outFeatures);
        }

        if (hasAttention && config.HasQkNorm)
        {
            Vector(prefix + "self_attn.q_norm.weight", config.HeadWidth);
            Vector(prefix + "self_attn.k_norm.weight", config.HeadWidth);
        }

        if (hasMlp) Vector(prefix + "post_attention_layernorm.weight", config.HiddenSize);
    }

    private ModelParameter Matrix(string name, int rows, int columns) =>
        Add(name, rows, columns, Plan.Add(name, new Shape(rows, columns), _type, _backend.PackedBytes(rows, columns, _type)));

    private ModelParameter Vector(string name, int rows) => Add(name, rows, 0, Plan.Add(name, new Shape(rows)));

    private ModelParameter Add(string name, int rows, int columns, Slot slot)
    {
        var parameter = new ModelParameter(name, rows, columns, slot);
        _parameters.Add(parameter);
        return parameter;
    }
}
