using System.Runtime.InteropServices;

namespace NativeFl.Models;

/// <summary>
/// One weighting of an adapter stack: y = W x + Σ_k w_k s_k B_kᵀ A_k x, the w_k the same on every module or each module's own. Weight 0 is
/// skipped, never multiplied. Two mixtures of the same weights are equal.
/// </summary>
internal sealed class StackMixture : IEquatable<StackMixture>
{
    private readonly float[][] _rows; // one row, or one a module by its index

    /// <summary>The same weights on every module.</summary>
    public StackMixture(float[] weights) => _rows = [weights];

    /// <summary>By <see cref="ModuleId.Index"/>, the weights there.</summary>
    public StackMixture(float[][] byModule) => _rows = byModule;

    /// <summary>The weights on a module, one an adapter.</summary>
    public ReadOnlySpan<float> Of(ModuleId module) => _rows.Length == 1 ? _rows[0] : _rows[module.Index];

    /// <inheritdoc/>
    public bool Equals(StackMixture? other) =>
        other is not null && other._rows.Length == _rows.Length && _rows.Zip(other._rows, (x, y) => x.AsSpan().SequenceEqual(y)).All(same => same);

    /// <inheritdoc/>
    public override bool Equals(object? obj) => Equals(obj as StackMixture);

    /// <inheritdoc/>
    public override int GetHashCode()
    {
        var hash = default(HashCode);
        foreach (float[] row in _rows) hash.AddBytes(MemoryMarshal.AsBytes(row.AsSpan()));
        return hash.ToHashCode();
    }
}
