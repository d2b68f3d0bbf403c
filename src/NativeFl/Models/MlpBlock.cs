using NativeFl.Tensors;

namespace NativeFl.Models;

/// <summary>x + W_down (silu(W_gate h) ∘ W_up h), h = norm(x): the second half of a block.</summary>
internal sealed class MlpBlock : ISublayer
{
    private readonly Transformer _model;
    private readonly MlpActivations _activations;
    private readonly AdaptedLinear _gate, _up, _down;
    private readonly int _layer;

    public MlpBlock(Transformer model, int layer, MlpActivations activations)
    {
        _model = model;
        _layer = layer;
        _activations = activations;
        AdaptedLinear Linear(Projection p) => new(model, new ModuleId(layer, p));
        (_gate, _up, _down) = (Linear(Projection.Gate), Linear(Projection.Up), Linear(Projection.Down));
    }

    private LayerWeights Weights => _model.Weights.Layers[_layer];

    /// <inheritdoc/>
    public Sublayer Id => new(_layer, SublayerKind.Mlp);

    /// <inheritdoc/>
    public TensorView Norm => Weights.PostAttentionNorm;

    /// <inheritdoc/>
    public TensorView Rstd(Arena arena, int rows) => _activations.Bind(arena, rows).Rstd;

    /// <inheritdoc/>
    public bool Trains(PassContext pass) => _gate.Trains(pass) || _up.Trains(pass) || _down.Trains(pass);

    /// <inheritdoc/>
    public void Forward(PassContext pass, Arena arena, KvCache? cache)
    {
        MlpViews v = _activations.Bind(arena, pass.Rows);
        _gate.Forward(pass, pass.Normed, v.Shrunk[(int)Projection.Gate], v.Gate);
        _up.Forward(pass, pass.Normed, v.Shrunk[(int)Projection.Up], v.Up);
        var product = pass.Wide(_model.Config.IntermediateSize);
        pass.Backend.SwigluForward(v.Gate, v.Up, product);
        _down.Forward(pass, product, v.Shrunk[(int)Projection.Down], pass.Normed);
    }

    /// <inheritdoc/>
    public void Backward(PassContext pass, BackwardScratch scratch, Arena arena, TensorView x, bool needsInputGradient)
    {
        MlpViews v = _activations.Bind(arena, pass.Rows);
        var backend = pass.Backend;
        int n = pass.Rows;
        var product = pass.Wide(_model.Config.IntermediateSize);
        if (_down.Trains(pass)) backend.SwigluForward(v.Gate, v.Up, product);
        _down.Backward(pass, scratch.Residual(n), product, v.Shrunk[(int)Projection.Down], false, scratch.Wide(n));
        if (!needsInputGradient && !_gate.Trains(pass) && !_up.Trains(pass)) return;
        backend.SwigluBackward(scratch.Wide(n), v.Gate, v.Up, v.Gate, v.Up);
        backend.RmsNormForward(x, Weights.PostAttentionNorm, _model.Config.NormEpsilon, pass.Normed, v.Rstd);
        var dNormed = needsInputGradient ? scratch.Normed(n) : default;
        _gate.Backward(pass, v.Gate, pass.Normed, v.Shrunk[(int)Projection.Gate], false, dNormed);
        _up.Backward(pass, v.Up, pass.Normed, v.Shrunk[(int)Projection.Up], true, dNormed);
        if (!needsInputGradient) return;
        var dw = pass.WeightGradients?[$"model.layers.{_layer}.post_attention_layernorm.weight"] ?? default;
        backend.RmsNormBackward(dNormed, x, Weights.PostAttentionNorm, v.Rstd, scratch.Residual(n), dw);
    }
}
