using NativeFl.Models;
using NativeFl.Tensors;

namespace NativeFl.DataRefinement;

/// <summary>
/// A BERT encoder's weights: matrices packed on the backend, with queries, keys and values as one, everything else on the host. Names are
/// Transformers', with or without "bert." in front; what else the file holds, such as a pooler, is not read.
/// </summary>
internal sealed class BertWeights : IDisposable
{
    private readonly SafetensorsFile _file;
    private readonly string _prefix;
    private readonly Arena _arena;

    private BertWeights(Func<Backend> open, BertConfig config, SafetensorsFile file)
    {
        _file = file;
        _prefix = file.Entries.Keys.Any(name => name.StartsWith("bert.", StringComparison.Ordinal)) ? "bert." : "";
        Words = Table("embeddings.word_embeddings.weight", config.Vocabulary, config.Width);
        Positions = Table("embeddings.position_embeddings.weight", config.Positions, config.Width);
        TokenTypes = Table("embeddings.token_type_embeddings.weight", config.TokenTypes, config.Width);
        Norm = NormOf("embeddings.LayerNorm", config.Width);
        // All shapes are checked before the device is opened and there is anything to give back.
        float[][] matrices = [.. Enumerable.Range(0, config.Layers).SelectMany(i => Matrices(config, i))];
        LayerNorms[] norms = [.. Enumerable.Range(0, config.Layers).Select(i => new LayerNorms(
            NormOf($"encoder.layer.{i}.attention.output.LayerNorm", config.Width), NormOf($"encoder.layer.{i}.output.LayerNorm", config.Width)))];
        Backend backend = open();
        var plan = new MemoryPlan("sentence embedder");
        Slots[] slots = [.. Enumerable.Range(0, config.Layers).Select(i => new Slots(plan, backend, config, i))];
        Backend = backend;
        _arena = new Arena(backend, plan);
        Layers = [.. slots.Select((layer, i) => new BertLayer(
            Fill(backend, layer.Input, matrices[8 * i], matrices[(8 * i) + 1]), Fill(backend, layer.Output, matrices[(8 * i) + 2], matrices[(8 * i) + 3]), norms[i].Attention,
            Fill(backend, layer.Up, matrices[(8 * i) + 4], matrices[(8 * i) + 5]), Fill(backend, layer.Down, matrices[(8 * i) + 6], matrices[(8 * i) + 7]), norms[i].Output))];
    }

    /// <summary>Where the matrices are.</summary>
    public Backend Backend { get; }

    /// <summary>(V, C).</summary>
    public float[] Words { get; }

    /// <summary>(positions, C).</summary>
    public float[] Positions { get; }

    /// <summary>(token types, C).</summary>
    public float[] TokenTypes { get; }

    public BertNorm Norm { get; }

    public IReadOnlyList<BertLayer> Layers { get; }

    /// <summary>Reads model.safetensors.</summary>
    /// <exception cref="InvalidInputException">It is missing, or a tensor of it is missing or of another shape.</exception>
    public static BertWeights Load(Func<Backend> backend, BertConfig config, string folder)
    {
        using SafetensorsFile file = SafetensorsFile.Open(Path.Combine(folder, "model.safetensors"));
        return new BertWeights(backend, config, file);
    }

    public void Dispose() => _arena.Dispose();

    /// <summary>The eight matrices and biases of a layer, those of queries, keys and values one below the other.</summary>
    private IEnumerable<float[]> Matrices(BertConfig config, int layer)
    {
        string at = $"encoder.layer.{layer}.";
        string[] inputs = ["query", "key", "value"];
        int width = config.Width, inner = config.Inner;
        return
        [
            [.. inputs.SelectMany(name => Table($"{at}attention.self.{name}.weight", width, width))],
            [.. inputs.SelectMany(name => Vector($"{at}attention.self.{name}.bias", width))],
            Table($"{at}attention.output.dense.weight", width, width), Vector($"{at}attention.output.dense.bias", width),
            Table($"{at}intermediate.dense.weight", inner, width), Vector($"{at}intermediate.dense.bias", inner),
            Table($"{at}output.dense.weight", width, inner), Vector($"{at}output.dense.bias", width),
        ];
    }

    private BertLinear Fill(Backend backend, LinearSlots slots, float[] weight, float[] bias)
    {
        var linear = new BertLinear(_arena.Packed(slots.Weight), _arena[slots.Bias]);
        var plan = new MemoryPlan("rows");
        Slot rows = plan.Add("rows", slots.Weight.Shape);
        using var staging = new Arena(backend, plan);
        backend.Upload<float>(weight, staging[rows]);
        backend.Pack(staging[rows], 0, linear.Weight);
        backend.Upload<float>(bias, linear.Bias);
        backend.Synchronize();
        return linear;
    }

    private BertNorm NormOf(string name, int width) => new(Vector(name + ".weight", width), Vector(name + ".bias", width));

    private float[] Table(string name, int rows, int columns) => Read(name, [rows, columns]);

    private float[] Vector(string name, int count) => Read(name, [count]);

    private float[] Read(string name, long[] shape)
    {
        string full = _prefix + name, expected = "(" + string.Join(", ", shape) + ")";
        if (!_file.Entries.TryGetValue(full, out SafetensorsEntry? entry))
            throw new InvalidInputException($"{_file.Path}: {full}", $"a tensor {expected}, as config.json has it", "none");
        if (!entry.Shape.AsSpan().SequenceEqual(shape))
            throw new InvalidInputException($"{_file.Path}: {full}", $"{expected}, as config.json has it", "(" + string.Join(", ", entry.Shape) + ")");
        var values = new float[entry.Count];
        _file.Read(full, 0, values);
        return values;
    }

    private sealed record LayerNorms(BertNorm Attention, BertNorm Output);

    private sealed record LinearSlots(Slot Weight, Slot Bias)
    {
        public static LinearSlots Add(MemoryPlan plan, Backend backend, string name, int rows, int columns) => new(
            plan.Add(name, new Shape(rows, columns), DType.F32, backend.PackedBytes(rows, columns, DType.F32)), plan.Add(name + " bias", new Shape(rows)));
    }

    private sealed record Slots(LinearSlots Input, LinearSlots Output, LinearSlots Up, LinearSlots Down)
    {
        public Slots(MemoryPlan plan, Backend backend, BertConfig config, int layer)
            : this(
                LinearSlots.Add(plan, backend, $"layer {layer} q, k, v", 3 * config.Width, config.Width),
                LinearSlots.Add(plan, backend, $"layer {layer} attention output", config.Width, config.Width),
                LinearSlots.Add(plan, backend, $"layer {layer} up", config.Inner, config.Width),
                LinearSlots.Add(plan, backend, $"layer {layer} down", config.Width, config.Inner))
        {
        }
    }
}
