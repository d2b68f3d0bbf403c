using NativeFl.Tensors;

namespace NativeFl.Models;

/// <summary>Gradients of all of a model's weights, row-major f32, in one flat buffer: what full fine-tuning and pretraining need.</summary>
internal sealed class WeightGradients
{
    private readonly ModelLayout _layout;
    private readonly Func<TensorView> _buffer;
    private readonly Dictionary<string, (long Offset, Shape Shape)> _places = [];

    /// <param name="layout">The model's parameters.</param>
    /// <param name="buffer">Flat f32, as many elements as the model has; asked for when a gradient is.</param>
    public WeightGradients(ModelLayout layout, Func<TensorView> buffer)
    {
        _layout = layout;
        _buffer = buffer;
        long offset = 0;
        foreach (var parameter in layout.Parameters)
        {
            _places.Add(parameter.Name, (offset, new Shape(parameter.Rows, Math.Max(parameter.Columns, 1))));
            offset += parameter.Count;
        }
    }

    /// <summary>(V, C).</summary>
    public TensorView Embedding => this[_layout.Embedding.Name];

    /// <summary>(V, C); the embedding's where they are tied.</summary>
    public TensorView Head => this[_layout.Head.Name];

    /// <summary>The gradient of a tensor by name, or an empty view.</summary>
    public TensorView this[string name] => _places.TryGetValue(name, out var place)
        ? new TensorView(_buffer().Pointer + (nint)(place.Offset * sizeof(float)), place.Shape, DType.F32)
        : default;
}
