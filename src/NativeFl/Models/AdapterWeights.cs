namespace NativeFl.Models;

/// <summary>One LoRA adapter on the host, module by module. A module that the adapter does not touch is absent (rank 0).</summary>
/// <param name="Modules">The factors by module, in model order.</param>
public sealed record AdapterWeights(IReadOnlyDictionary<ModuleId, LoraFactors> Modules)
{
    /// <summary>The number of trained values: Σ r (in + out).</summary>
    public long ParameterCount => Modules.Values.Sum(f => (long)f.Rank * (f.InFeatures + f.OutFeatures));

    /// <summary>The adapter without what it has on some sublayers: what a shallower model can take of it.</summary>
    public AdapterWeights Without(DroppedSublayers sublayers)
    {
        ArgumentNullException.ThrowIfNull(sublayers);
        if (sublayers.Count == 0) return this;
        var kept = Modules.Where(m => !sublayers.Contains(m.Key.Sublayer)).ToDictionary();
        return new AdapterWeights(new SortedDictionary<ModuleId, LoraFactors>(kept));
    }

    /// <summary>True if every value is finite.</summary>
    public bool IsFinite => Modules.Values.All(f => Array.TrueForAll(f.A, float.IsFinite) && Array.TrueForAll(f.B, float.IsFinite));
}
