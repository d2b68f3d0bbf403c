namespace NativeFl.Models;

/// <summary>One half of a block: what adds to the residual stream once, and what can be dropped by itself.</summary>
/// <param name="Layer">The block, from 0; never renumbered.</param>
/// <param name="Kind">Which half.</param>
public readonly record struct Sublayer(int Layer, SublayerKind Kind) : IComparable<Sublayer>
{
    /// <summary>Its place in the order of execution: 2 · layer + (0 for attention, 1 for the MLP).</summary>
    public int Index => (2 * Layer) + (int)Kind;

    /// <summary>Every sublayer of a model of <paramref name="layers"/> blocks, in order.</summary>
    public static IEnumerable<Sublayer> All(int layers)
    {
        for (int index = 0; index < 2 * layers; index++) yield return new Sublayer(index / 2, (SublayerKind)(index % 2));
    }

    /// <inheritdoc/>
    public int CompareTo(Sublayer other) => Index.CompareTo(other.Index);

    /// <inheritdoc/>
    public override string ToString() => FormattableString.Invariant($"{(Kind == SublayerKind.Attention ? "attention" : "mlp")} {Layer}");

    /// <summary>Order of execution.</summary>
    public static bool operator <(Sublayer left, Sublayer right) => left.CompareTo(right) < 0;

    /// <summary>Order of execution.</summary>
    public static bool operator >(Sublayer left, Sublayer right) => left.CompareTo(right) > 0;

    /// <summary>Order of execution.</summary>
    public static bool operator <=(Sublayer left, Sublayer right) => left.CompareTo(right) <= 0;

    /// <summary>Order of execution.</summary>
    public static bool operator >=(Sublayer left, Sublayer right) => left.CompareTo(right) >= 0;
}
