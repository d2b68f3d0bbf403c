using NativeFl.Tensors;

namespace NativeFl.Models;

/// <summary>Gradients of activations that live only while one block goes backward; all blocks share them.</summary>
internal sealed class BackwardScratch : IDisposable
{
    private readonly Arena _arena;
    private readonly Slot _residual, _normed, _wide, _query, _key, _value, _attention, _delta;

    public BackwardScratch(Transformer model, int rows)
    {
        var config = model.Config;
        var type = model.Backend.ActivationType;
        int heads = config.Heads * config.HeadWidth, kvHeads = config.KvHeads * config.HeadWidth;
        Plan = new MemoryPlan("backward scratch");
        _residual = Plan.Add("residual gradient", new Shape(rows, config.HiddenSize), type);
        _normed = Plan.Add("norm output gradient", new Shape(rows, config.HiddenSize), type);
        _wide = Plan.Add("SwiGLU gradient", new Shape(rows, config.IntermediateSize), type);
        _query = Plan.Add("q gradient", new Shape(rows, heads), type);
        _key = Plan.Add("k gradient", new Shape(rows, kvHeads), type);
        _value = Plan.Add("v gradient", new Shape(rows, kvHeads), type);
        _attention = Plan.Add("attention gradient", new Shape(rows, heads), type);
        _delta = Plan.Add("attention rowsum", new Shape(rows, config.Heads));
        _arena = new Arena(model.Backend, Plan);
    }

    public MemoryPlan Plan { get; }

    /// <summary>(N, C): the gradient of the residual stream, carried from block to block.</summary>
    public TensorView Residual(int rows) => _arena[_residual].Slice(0, rows);

    public TensorView Normed(int rows) => _arena[_normed].Slice(0, rows);

    public TensorView Wide(int rows) => _arena[_wide].Slice(0, rows);

    public TensorView Query(int rows) => _arena[_query].Slice(0, rows);

    public TensorView Key(int rows) => _arena[_key].Slice(0, rows);

    public TensorView Value(int rows) => _arena[_value].Slice(0, rows);

    public TensorView Attention(int rows) => _arena[_attention].Slice(0, rows);

    public TensorView Delta(int rows) => _arena[_delta].Slice(0, rows);

    public void Dispose() => _arena.Dispose();
}
