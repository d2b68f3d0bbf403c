namespace NativeFl.Models;

/// <summary>One LoRA adapter on the host, module by module. A module that the adapter does not touch is absent (rank 0).</summary>
/// <param name="Modules">The factors by module, in model order.</param>
public sealed record AdapterWeights(IReadOnlyDictionary<ModuleId, LoraFactors> Modules)
{
    /// <summary>The number of trained values: Σ r (in + out).</summary>
    public long ParameterCount => Modules.Values.Sum(f => (long)f.Rank * (f.InFeatures + f.OutFeatures));

    /// <summary>True if every value is finite.</summary>
    public bool IsFinite => Modules.Values.All(f => Array.TrueForAll(f.A, float.IsFinite) && Array.TrueForAll(f.B, float.IsFinite));
}
