using NativeFl.Tensors;

namespace NativeFl.Models;

/// <summary>A model's weights in one arena of a backend. Norms and biases are f32; matrices are packed, f32 or bf16.</summary>
public sealed class ModelWeights : IDisposable
{
    private const int StagingElements = 1 << 20;

    private readonly Backend _backend;
    private readonly Arena _arena;
    private readonly Dictionary<string, ModelParameter> _byName;
    private readonly Lazy<LayerWeights[]> _layers;

    internal ModelWeights(Backend backend, ModelConfig config, DType type)
    {
        _backend = backend;
        Type = type;
        Layout = new ModelLayout(backend, config, type);
        _byName = Layout.Parameters.ToDictionary(p => p.Name);
        _arena = new Arena(backend, Layout.Plan);
        _layers = new Lazy<LayerWeights[]>(() => [.. Enumerable.Range(0, config.LayerCount).Select(Layer)]);
    }

    /// <summary>How matrices are stored.</summary>
    public DType Type { get; }

    /// <summary>All values of the model.</summary>
    public long ParameterCount => Layout.ParameterCount;

    /// <summary>The size of the arena.</summary>
    public long Bytes => Layout.Plan.Bytes;

    internal ModelLayout Layout { get; }

    internal PackedMatrix Embedding => MatrixOf(Layout.Embedding);

    internal PackedMatrix Head => MatrixOf(Layout.Head);

    internal TensorView FinalNorm => VectorOf(Layout.FinalNorm);

    /// <summary>By block; asking for them allocates the arena.</summary>
    internal IReadOnlyList<LayerWeights> Layers => _layers.Value;

    /// <inheritdoc/>
    public void Dispose() => _arena.Dispose();

    internal PackedMatrix LinearOf(ModuleId module) => Layers[module.Layer].Linears[(int)module.Projection];

    internal PackedMatrix MatrixOf(ModelParameter parameter) => _arena.Packed(parameter.Slot);

    internal TensorView VectorOf(ModelParameter parameter) => _arena[parameter.Slot];

    /// <summary>Fills every parameter from <paramref name="read"/>(parameter, first row, rows of f32 values).</summary>
    internal void Fill(Action<ModelParameter, int, Memory<float>> read)
    {
        using var staging = new RowStaging(_backend, StagingElements, Layout.Parameters);
        foreach (var parameter in Layout.Parameters) Fill(parameter, staging, read);
    }

    /// <summary>Replaces one parameter by f32 values, row-major, rounded to the type that it is stored as.</summary>
    internal void Write(ModelParameter parameter, float[] values)
    {
        using var staging = new RowStaging(_backend, StagingElements, [parameter]);
        int columns = Math.Max(parameter.Columns, 1);
        Fill(parameter, staging, (_, first, rows) => values.AsSpan(first * columns, rows.Length).CopyTo(rows.Span));
        _backend.Synchronize();
    }

    /// <summary>Reads rows of one parameter to the host as f32, row-major.</summary>
    internal void Read(ModelParameter parameter, int firstRow, Span<float> values)
    {
        int count = values.Length / Math.Max(parameter.Columns, 1);
        if (parameter.IsVector)
        {
            _backend.Download(VectorOf(parameter).Slice(firstRow, count), values);
            return;
        }

        var plan = new MemoryPlan("staging");
        var slot = plan.Add("rows", new Shape(count, parameter.Columns));
        using var arena = new Arena(_backend, plan);
        _backend.Unpack(MatrixOf(parameter), firstRow, arena[slot]);
        _backend.Download(arena[slot], values);
    }

    /// <summary>Copies the weights of another model of the same type that has all of these, and perhaps more.</summary>
    internal void CopyFrom(ModelWeights other)
    {
        foreach (var mine in Layout.Parameters)
        {
            if (other.Type != Type || other.Layout.Find(mine.Name) is not { } theirs || theirs.Slot.Bytes != mine.Slot.Bytes)
                throw new ArgumentException("the two models differ in layout", nameof(other));
            _backend.Copy(other.Raw(theirs), Raw(mine));
        }
    }

    private void Fill(ModelParameter parameter, RowStaging staging, Action<ModelParameter, int, Memory<float>> read)
    {
        foreach (var (first, count) in staging.Blocks(parameter))
        {
            var host = staging.Host(parameter, count);
            read(parameter, first, host);
            if (parameter.IsVector)
            {
                _backend.Upload<float>(host.Span, VectorOf(parameter).Slice(first, count));
                continue;
            }

            var rows = staging.Device(parameter, count);
            _backend.Upload<float>(host.Span, rows);
            _backend.Pack(rows, first, MatrixOf(parameter));
        }
    }

    /// <summary>The bytes of a parameter as one flat view, whatever its layout.</summary>
    private TensorView Raw(ModelParameter parameter)
    {
        var slot = parameter.Slot;
        return new TensorView(_arena.Packed(slot).Pointer, new Shape(checked((int)(slot.Bytes / slot.DType.Size()))), slot.DType);
    }

    private LayerWeights Layer(int layer)
    {
        string prefix = $"model.layers.{layer}.";
        var modules = Enumerable.Range(0, ModuleId.ProjectionCount).Select(p => new ModuleId(layer, (Projection)p)).ToArray();
        return new LayerWeights
        {
            InputNorm = Vector(prefix + "input_layernorm.weight"),
            PostAttentionNorm = Vector(prefix + "post_attention_layernorm.weight"),
            QueryNorm = Vector(prefix + "self_attn.q_norm.weight"),
            KeyNorm = Vector(prefix + "self_attn.k_norm.weight"),
            Linears = [.. modules.Select(m => _byName.TryGetValue(m.Name + ".weight", out var parameter) ? MatrixOf(parameter) : default)],
            Biases = [.. modules.Select(m => Vector(m.Name + ".bias"))],
        };
    }

    private TensorView Vector(string name) => _byName.TryGetValue(name, out var parameter) ? VectorOf(parameter) : default;
}
