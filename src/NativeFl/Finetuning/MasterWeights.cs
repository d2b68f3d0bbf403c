using NativeFl.Models;
using NativeFl.Tensors;

namespace NativeFl.Finetuning;

/// <summary>The f32 masters of all weights in one flat buffer, in the order of <see cref="ModelLayout.Parameters"/>.</summary>
internal sealed class MasterWeights
{
    private readonly Transformer _model;
    private readonly List<(ModelParameter Parameter, TensorView Values)> _views = [];

    public MasterWeights(Transformer model, FlatParameters flat)
    {
        _model = model;
        var ranges = new List<ParameterRange>();
        long offset = 0;
        foreach (var parameter in model.Weights.Layout.Parameters)
        {
            _views.Add((parameter, FlatParameters.Matrix(flat.Values, offset, parameter.Rows, Math.Max(parameter.Columns, 1))));
            ranges.Add(new ParameterRange(offset, parameter.Count, 0, Decays: !parameter.IsVector));
            offset += parameter.Count;
        }

        Ranges = [.. ranges];
    }

    /// <summary>One range a tensor; norms and biases do not decay.</summary>
    public ParameterRange[] Ranges { get; }

    /// <summary>Masters = the model's weights.</summary>
    public void Read()
    {
        foreach (var (parameter, values) in _views)
        {
            if (parameter.IsVector) _model.Backend.Copy(_model.Weights.VectorOf(parameter).Reshape(parameter.Rows, 1), values);
            else _model.Backend.Unpack(_model.Weights.MatrixOf(parameter), 0, values);
        }
    }

    /// <summary>The model's weights = masters, rounded to their storage type.</summary>
    public void Write()
    {
        foreach (var (parameter, values) in _views)
        {
            if (parameter.IsVector) _model.Backend.Copy(values, _model.Weights.VectorOf(parameter).Reshape(parameter.Rows, 1));
            else _model.Backend.Pack(values, 0, _model.Weights.MatrixOf(parameter));
        }
    }
}
