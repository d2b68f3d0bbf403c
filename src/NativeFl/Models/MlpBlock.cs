using NativeFl.Tensors;

namespace NativeFl.Models;

/// <summary>x + W_down (silu(W_gate h) ∘ W_up h), h = norm(x): the second half of a block.</summary>
internal sealed class MlpBlock
{
    private readonly Transformer _model;
    private readonly AdaptedLinear _gate, _up, _down;
    private readonly int _layer;

    public MlpBlock(Transformer model, int layer)
    {
        _model = model;
        _layer = layer;
        AdaptedLinear Linear(Projection p) => new(model, new ModuleId(layer, p));
        (_gate, _up, _down) = (Linear(Projection.Gate), Linear(Projection.Up), Linear(Projection.Down));
    }

    private LayerWeights Weights => _model.Weights.Layers[_layer];

    /// <summary>Whether the pass trains anything in here.</summary>
    public bool Trains(PassContext pass) => _gate.Trains(pass) || _up.Trains(pass) || _down.Trains(pass);

    /// <summary>Turns the norm's output, in <see cref="PassContext.Normed"/>, into what is added to the residual stream.</summary>
    public void Forward(PassContext pass, LayerViews v)
    {
        _gate.Forward(pass, pass.Normed, v.Shrunk[(int)Projection.Gate], v.Gate);
        _up.Forward(pass, pass.Normed, v.Shrunk[(int)Projection.Up], v.Up);
        var product = pass.Wide(_model.Config.IntermediateSize);
        pass.Backend.SwigluForward(v.Gate, v.Up, product);
        _down.Forward(pass, product, v.Shrunk[(int)Projection.Down], pass.Normed);
    }

    /// <summary>Turns dy, in the scratch residual, into dx; gate and up are overwritten.</summary>
    public void Backward(PassContext pass, BackwardScratch scratch, TensorView x, LayerViews v, bool needsInputGradient)
    {
        var backend = pass.Backend;
        int n = pass.Rows;
        var product = pass.Wide(_model.Config.IntermediateSize);
        if (_down.Trains(pass)) backend.SwigluForward(v.Gate, v.Up, product);
        _down.Backward(pass, scratch.Residual(n), product, v.Shrunk[(int)Projection.Down], false, scratch.Wide(n));
        if (!needsInputGradient && !_gate.Trains(pass) && !_up.Trains(pass)) return;
        backend.SwigluBackward(scratch.Wide(n), v.Gate, v.Up, v.Gate, v.Up);
        backend.RmsNormForward(x, Weights.PostAttentionNorm, _model.Config.NormEpsilon, pass.Normed, v.RstdMiddle);
        var dNormed = needsInputGradient ? scratch.Normed(n) : default;
        _gate.Backward(pass, v.Gate, pass.Normed, v.Shrunk[(int)Projection.Gate], false, dNormed);
        _up.Backward(pass, v.Up, pass.Normed, v.Shrunk[(int)Projection.Up], true, dNormed);
        if (!needsInputGradient) return;
        var dw = pass.WeightGradients?[$"model.layers.{_layer}.post_attention_layernorm.weight"] ?? default;
        backend.RmsNormBackward(dNormed, x, Weights.PostAttentionNorm, v.RstdMiddle, scratch.Residual(n), dw);
    }
}
