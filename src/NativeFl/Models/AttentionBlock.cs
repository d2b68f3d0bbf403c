using NativeFl.Tensors;

namespace NativeFl.Models;

/// <summary>x + W_o attention(rope(W_q h), rope(W_k h), W_v h), h = norm(x): the first half of a block.</summary>
internal sealed class AttentionBlock : ISublayer
{
    private readonly Transformer _model;
    private readonly AttentionActivations _activations;
    private readonly AdaptedLinear _q, _k, _v, _o;
    private readonly AttentionShape _shape;
    private readonly int _layer;

    public AttentionBlock(Transformer model, int layer, AttentionActivations activations)
    {
        var config = model.Config;
        _model = model;
        _layer = layer;
        _activations = activations;
        AdaptedLinear Linear(Projection p) => new(model, new ModuleId(layer, p));
        (_q, _k, _v, _o) = (Linear(Projection.Query), Linear(Projection.Key), Linear(Projection.Value), Linear(Projection.Output));
        int window = config.UsesSlidingWindow(layer) ? config.SlidingWindow : 0;
        _shape = new AttentionShape(config.Heads, config.KvHeads, config.HeadWidth, 1 / MathF.Sqrt(config.HeadWidth), window);
    }

    private LayerWeights Weights => _model.Weights.Layers[_layer];

    /// <inheritdoc/>
    public Sublayer Id => new(_layer, SublayerKind.Attention);

    /// <inheritdoc/>
    public TensorView Norm => Weights.InputNorm;

    /// <inheritdoc/>
    public TensorView Rstd(Arena arena, int rows) => _activations.Bind(arena, rows).Rstd;

    /// <inheritdoc/>
    public bool Trains(PassContext pass) => _q.Trains(pass) || _k.Trains(pass) || _v.Trains(pass) || _o.Trains(pass);

    /// <inheritdoc/>
    public void Forward(PassContext pass, Arena arena, KvCache? cache)
    {
        AttentionViews v = _activations.Bind(arena, pass.Rows);
        var backend = pass.Backend;
        var config = _model.Config;
        _q.Forward(pass, pass.Normed, v.Shrunk[(int)Projection.Query], config.HasQkNorm ? v.QueryRaw : v.Query);
        _k.Forward(pass, pass.Normed, v.Shrunk[(int)Projection.Key], config.HasQkNorm ? v.KeyRaw : v.Key);
        _v.Forward(pass, pass.Normed, v.Shrunk[(int)Projection.Value], v.Value);
        if (config.HasQkNorm)
        {
            backend.RmsNormForward(Heads(v.QueryRaw), Weights.QueryNorm, config.NormEpsilon, Heads(v.Query), Flat(v.RstdQuery));
            backend.RmsNormForward(Heads(v.KeyRaw), Weights.KeyNorm, config.NormEpsilon, Heads(v.Key), Flat(v.RstdKey));
        }

        backend.RopeForward(pass.Positions, _model.RopeFrequencies, v.Query, v.Key);
        var (keys, values) = (v.Key, v.Value);
        if (cache is not null)
        {
            (keys, values) = (cache.Keys(_layer), cache.Values(_layer));
            backend.ScatterRows(v.Key, v.Value, pass.CacheRows, keys, values);
        }

        backend.AttentionForward(v.Query, keys, values, pass.Batch.Spans, _shape, v.Attention, v.Lse);
        _o.Forward(pass, v.Attention, v.Shrunk[(int)Projection.Output], pass.Normed);
    }

    /// <inheritdoc/>
    public void Backward(PassContext pass, BackwardScratch scratch, Arena arena, TensorView x, bool needsInputGradient)
    {
        AttentionViews v = _activations.Bind(arena, pass.Rows);
        var backend = pass.Backend;
        var config = _model.Config;
        int n = pass.Rows;
        var (dResidual, dQuery, dKey, dValue) = (scratch.Residual(n), scratch.Query(n), scratch.Key(n), scratch.Value(n));
        _o.Backward(pass, dResidual, v.Attention, v.Shrunk[(int)Projection.Output], false, scratch.Attention(n));
        backend.AttentionBackward(
            scratch.Attention(n), v.Query, v.Key, v.Value, v.Attention, v.Lse, pass.Batch.Spans, _shape, scratch.Delta(n), dQuery, dKey, dValue);
        backend.RopeBackward(pass.Positions, _model.RopeFrequencies, dQuery, dKey);
        if (config.HasQkNorm)
        {
            // The normed heads are not needed any more; their room takes the gradients of the raw ones.
            NormBackward(pass, dQuery, v.QueryRaw, Weights.QueryNorm, v.RstdQuery, "q_norm", v.Query);
            NormBackward(pass, dKey, v.KeyRaw, Weights.KeyNorm, v.RstdKey, "k_norm", v.Key);
            (dQuery, dKey) = (v.Query, v.Key);
        }

        backend.RmsNormForward(x, Weights.InputNorm, config.NormEpsilon, pass.Normed, v.Rstd);
        var dNormed = needsInputGradient ? scratch.Normed(n) : default;
        _q.Backward(pass, dQuery, pass.Normed, v.Shrunk[(int)Projection.Query], false, dNormed);
        _k.Backward(pass, dKey, pass.Normed, v.Shrunk[(int)Projection.Key], true, dNormed);
        _v.Backward(pass, dValue, pass.Normed, v.Shrunk[(int)Projection.Value], true, dNormed);
        if (!needsInputGradient) return;
        var dw = pass.WeightGradients?[$"model.layers.{_layer}.input_layernorm.weight"] ?? default;
        backend.RmsNormBackward(dNormed, x, Weights.InputNorm, v.Rstd, dResidual, dw);
    }

    private void NormBackward(PassContext pass, TensorView dy, TensorView raw, TensorView w, TensorView rstd, string name, TensorView dRaw)
    {
        var dw = pass.WeightGradients?[$"model.layers.{_layer}.self_attn.{name}.weight"] ?? default;
        pass.Backend.Fill(0, dRaw);
        pass.Backend.RmsNormBackward(Heads(dy), Heads(raw), w, Flat(rstd), Heads(dRaw), dw);
    }

    /// <summary>(N, heads · D) as (N · heads, D).</summary>
    private TensorView Heads(TensorView x) => x.Reshape(checked((int)(x.Count / _shape.HeadWidth)), _shape.HeadWidth);

    private static TensorView Flat(TensorView x) => x.Reshape(checked((int)x.Count), 1);
}
