using NativeFl.Models;

namespace NativeFl.Federation;

/// <summary>What one round comes to on the server.</summary>
public sealed record Aggregation
{
    /// <summary>Nothing was aggregated.</summary>
    public static Aggregation None => new() { Product = new AdapterWeights(new Dictionary<ModuleId, LoraFactors>()) };

    /// <summary>Added to the base for good, or null.</summary>
    public AdapterWeights? Merge { get; init; }

    /// <summary>The adapter that clients go on from, or null.</summary>
    public AdapterWeights? Global { get; init; }

    /// <summary>Everything that lies frozen beside the base from now on, this round's part included, or null.</summary>
    public AdapterWeights? Beside { get; init; }

    /// <summary>
    /// What the clients' adapters became, as one adapter of scaling 1: the base of the round's beginning (with what lay beside it) plus this
    /// is the model at the round's end.
    /// </summary>
    public required AdapterWeights Product { get; init; }

    /// <summary>The same as <see cref="Product"/> in the parts that the server really applies: their products add up.</summary>
    public IReadOnlyList<AdapterWeights> Applied =>
        (Merge, Global) switch
        {
            ({ } merge, { } global) => [merge, global],
            ({ } merge, null) => [merge],
            (null, { } global) => [global],
            _ => [Product],
        };

    /// <summary>The part of it that a client has a use for which goes without some sublayers.</summary>
    internal Aggregation Without(DroppedSublayers sublayers) => this with
    {
        Merge = Merge?.Without(sublayers),
        Global = Global?.Without(sublayers),
        Beside = Beside?.Without(sublayers),
        Product = Product.Without(sublayers),
    };
}
