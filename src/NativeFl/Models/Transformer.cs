using NativeFl.Tensors;

namespace NativeFl.Models;

/// <summary>A Llama-family model on a backend: its configuration and its weights.</summary>
public sealed class Transformer : IDisposable
{
    private readonly Arena _tables;
    private readonly bool _isView;

    private Transformer(Transformer whole, ModelConfig config)
    {
        (Backend, Config, Weights, _tables, RopeFrequencies) = (whole.Backend, config, whole.Weights, whole._tables, whole.RopeFrequencies);
        _isView = true;
    }

    private Transformer(Backend backend, ModelConfig config, DType type)
    {
        Backend = backend;
        Config = config;
        var plan = new MemoryPlan("rope");
        var slot = plan.Add("frequencies", new Shape(config.HeadWidth / 2));
        _tables = new Arena(backend, plan);
        RopeFrequencies = _tables[slot];
        backend.Upload<float>(Rotary.Frequencies(config), RopeFrequencies);
        Weights = new ModelWeights(backend, config, type);
    }

    /// <summary>Where it computes.</summary>
    public Backend Backend { get; }

    /// <summary>Its shape.</summary>
    public ModelConfig Config { get; }

    /// <summary>Its weights.</summary>
    public ModelWeights Weights { get; }

    /// <summary>(D/2) f32.</summary>
    internal TensorView RopeFrequencies { get; }

    /// <summary>Reads a Hugging Face checkpoint folder.</summary>
    /// <param name="backend">Where the weights go.</param>
    /// <param name="folder">config.json with model.safetensors or its index.</param>
    /// <param name="weightType">f32 or bf16; null keeps bf16 files as bf16 and everything else as f32.</param>
    /// <exception cref="InvalidInputException">The folder is not a checkpoint that NativeFl reads.</exception>
    public static Transformer Load(Backend backend, string folder, DType? weightType = null)
    {
        using var checkpoint = Checkpoint.Open(folder);
        checkpoint.Validate();
        return Load(backend, checkpoint, weightType);
    }

    /// <summary>Reads an opened, validated checkpoint.</summary>
    /// <param name="backend">Where the weights go.</param>
    /// <param name="checkpoint">The files.</param>
    /// <param name="weightType">As above.</param>
    /// <param name="without">Sublayers whose weights are not read and take no memory, or null.</param>
    public static Transformer Load(Backend backend, Checkpoint checkpoint, DType? weightType = null, DroppedSublayers? without = null)
    {
        ArgumentNullException.ThrowIfNull(backend);
        ArgumentNullException.ThrowIfNull(checkpoint);
        var type = weightType ?? (checkpoint.StorageType == DType.BF16 ? DType.BF16 : DType.F32);
        var model = new Transformer(backend, checkpoint.Config.Without(without ?? DroppedSublayers.None), type);
        model.Weights.Fill((parameter, first, rows) => checkpoint.Read(parameter.Name, first, Math.Max(parameter.Columns, 1), rows.Span));
        return model;
    }

    /// <summary>A model with random weights: normal with the config's initializer_range (0.02 by default), norms 1, biases 0.</summary>
    public static Transformer Random(Backend backend, ModelConfig config, DType weightType, ulong seed)
    {
        ArgumentNullException.ThrowIfNull(backend);
        ArgumentNullException.ThrowIfNull(config);
        double deviation = config.Json["initializer_range"]?.GetValue<double>() ?? 0.02;
        var model = new Transformer(backend, config, weightType);
        ulong stream = 0;
        var draws = new Philox(seed);
        model.Weights.Fill((parameter, first, rows) =>
        {
            if (first == 0) draws = new Philox(seed, ++stream);
            if (parameter.IsVector)
            {
                rows.Span.Fill(parameter.Name.EndsWith("norm.weight", StringComparison.Ordinal) ? 1 : 0);
                return;
            }

            foreach (ref float value in rows.Span) value = (float)(deviation * draws.NextNormal());
        });
        return model;
    }

    /// <summary>A model that is laid out but holds no weights: what memory plans are made from.</summary>
    internal static Transformer Plan(Backend backend, ModelConfig config, DType weightType) => new(backend, config, weightType);

    /// <summary>
    /// A second model with the same weights, for a client or a baseline that must not touch this one. Of a view it holds only the weights
    /// that the view runs.
    /// </summary>
    public Transformer Clone()
    {
        var copy = new Transformer(Backend, Config, Weights.Type);
        copy.Weights.CopyFrom(Weights);
        return copy;
    }

    /// <summary>
    /// The same weights without some sublayers: a view that owns nothing, takes no memory and must not outlive this model. Whatever is run,
    /// trained on or saved from it goes without them.
    /// </summary>
    /// <exception cref="ArgumentException">One is not in the model, or no attention would be left.</exception>
    public Transformer Without(DroppedSublayers sublayers)
    {
        ArgumentNullException.ThrowIfNull(sublayers);
        foreach (Sublayer sublayer in sublayers.Sublayers.Where(s => s.Layer < 0 || s.Layer >= Config.LayerCount))
            throw new ArgumentException($"the model has {Config.LayerCount} layers, and no {sublayer}", nameof(sublayers));
        ModelConfig config = Config.Without(sublayers);
        if (!config.Sublayers().Any(s => s.Kind == SublayerKind.Attention))
            throw new ArgumentException("no attention would be left", nameof(sublayers));
        return new Transformer(this, config);
    }

    /// <summary>Writes a complete Hugging Face checkpoint into an existing folder.</summary>
    /// <param name="folder">Where; normally the work folder of an <see cref="OutputFolder"/>.</param>
    /// <param name="storage">f32, bf16 or f16: values are rounded once, here.</param>
    /// <param name="copyTokenizerFrom">A model folder whose tokenizer files belong with the weights, or null.</param>
    /// <param name="dropped">
    /// What becomes of the weights of sublayers that it goes without. Those that are not in memory, because the model went without them when it was
    /// read, can only be left out or zeros.
    /// </param>
    public void Save(string folder, DType storage, string? copyTokenizerFrom, DroppedWeights dropped = DroppedWeights.LeftOut)
    {
        var kept = Checkpoint.ExpectedTensors(Config).Select(tensor => tensor.Name).ToHashSet(StringComparer.Ordinal);
        IEnumerable<CheckpointTensor> tensors = Weights.Layout.Parameters
            .Where(parameter => dropped != DroppedWeights.LeftOut || kept.Contains(parameter.Name))
            .Select(parameter => new CheckpointTensor(parameter.Name, parameter.Rows, parameter.Columns, (first, buffer, rows) =>
            {
                var values = buffer.AsSpan(0, rows * Math.Max(parameter.Columns, 1));
                if (dropped == DroppedWeights.Zeroed && !kept.Contains(parameter.Name) && IsOutput(parameter.Name)) values.Clear();
                else Weights.Read(parameter, first, values);
            }));
        if (dropped == DroppedWeights.Zeroed) tensors = tensors.Concat(Absent());
        CheckpointWriter.Write(folder, Config, storage, tensors, copyTokenizerFrom);
    }

    /// <summary>Reads one tensor as f32, row-major, by its Hugging Face name.</summary>
    public float[] ReadTensor(string name)
    {
        var parameter = Weights.Layout.Find(name) ?? throw new ArgumentException($"the model has no tensor {name}", nameof(name));
        var values = new float[parameter.Count];
        Weights.Read(parameter, 0, values);
        return values;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        if (_isView) return;
        Weights.Dispose();
        _tables.Dispose();
    }

    /// <summary>Zeros for what the model went without when it was read: sublayers that add nothing.</summary>
    private IEnumerable<CheckpointTensor> Absent() => Checkpoint.ExpectedTensors(Config with { Dropped = DroppedSublayers.None })
        .Where(tensor => Weights.Layout.Find(tensor.Name) is null)
        .Select(tensor =>
        {
            int columns = tensor.Shape.Length == 1 ? 0 : (int)tensor.Shape[1];
            return new CheckpointTensor(tensor.Name, (int)tensor.Shape[0], columns, (_, buffer, rows) => buffer.AsSpan(0, rows * Math.Max(columns, 1)).Clear());
        });

    /// <summary>Whether a tensor is the last layer of its sublayer: with it and its bias at zero, the sublayer adds nothing.</summary>
    private static bool IsOutput(string name) =>
        name.Contains(".o_proj.", StringComparison.Ordinal) || name.Contains(".down_proj.", StringComparison.Ordinal);
}
