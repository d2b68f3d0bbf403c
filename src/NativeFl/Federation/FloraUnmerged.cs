using NativeFl.Models;

namespace NativeFl.Federation;

/// <summary>
/// FLoRA without touching the base: the stacks of all rounds lie frozen beside it, y = W x + Bᵀ (A x) + the client's own adapter, so a base in
/// low precision never has to hold small sums. When the stack of a module has more rows than ΔW has rank, R &gt; min(in, out), it is folded:
/// ΔW itself is a factor pair of rank min(in, out) in which one factor is the identity.
/// </summary>
public sealed class FloraUnmerged : IAggregationMethod
{
    /// <inheritdoc/>
    public string Name => "flora-unmerged";

    /// <inheritdoc/>
    public ClientStart Start => ClientStart.Fresh;

    /// <inheritdoc/>
    public IReadOnlyList<ClientSpecification> Admit(IReadOnlyList<ClientSpecification> clients) => clients;

    /// <inheritdoc/>
    public Aggregation Aggregate(Contributions clients, ServerState server)
    {
        ArgumentNullException.ThrowIfNull(clients);
        ArgumentNullException.ThrowIfNull(server);
        AdapterWeights stack = StackedFactors.Of(clients);
        AdapterWeights all = StackedFactors.Sum(server.Beside, stack);
        return new Aggregation { Beside = FoldedFactors.WhereSmaller(all), Product = stack };
    }

    /// <summary>The round's stack: 4 Σ_modules R (in + out).</summary>
    public long DownloadBytes(Aggregation aggregation, AdapterWeights client) => sizeof(float) * aggregation.Product.ParameterCount;
}
