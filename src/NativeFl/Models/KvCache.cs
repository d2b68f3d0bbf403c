using NativeFl.Tensors;

namespace NativeFl.Models;

/// <summary>
/// Keys and values of earlier tokens, per attention sublayer that the model has: (sequences · capacity, Hkv · D), sequence after sequence.
/// </summary>
internal sealed class KvCache : IDisposable
{
    private readonly Arena _arena;
    private readonly Dictionary<int, Slot> _keys, _values;

    public KvCache(Transformer model, int sequences, int capacity)
    {
        var config = model.Config;
        var shape = new Shape(checked(sequences * capacity), config.KvHeads * config.HeadWidth);
        Capacity = capacity;
        Plan = new MemoryPlan("key/value cache");
        int[] layers = [.. config.Sublayers().Where(s => s.Kind == SublayerKind.Attention).Select(s => s.Layer)];
        _keys = layers.ToDictionary(l => l, l => Plan.Add($"layer {l} keys", shape, model.Backend.ActivationType));
        _values = layers.ToDictionary(l => l, l => Plan.Add($"layer {l} values", shape, model.Backend.ActivationType));
        _arena = new Arena(model.Backend, Plan);
    }

    public MemoryPlan Plan { get; }

    /// <summary>Positions of one sequence.</summary>
    public int Capacity { get; }

    public TensorView Keys(int layer) => _arena[_keys[layer]];

    public TensorView Values(int layer) => _arena[_values[layer]];

    public void Dispose() => _arena.Dispose();
}
