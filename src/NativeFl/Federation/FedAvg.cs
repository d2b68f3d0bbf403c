using NativeFl.Models;

namespace NativeFl.Federation;

/// <summary>
/// FedAvg on LoRA factors (FedIT, Zhang et al., ICASSP 2024, arXiv:2305.05644): Ā = Σ p_k A_k, B̄ = Σ p_k B_k, and every client goes on from
/// (Ā, B̄). Its error are the cross terms: s B̄ᵀ Ā = Σ_jk p_j p_k s B_jᵀ A_k, where Σ_k p_k s B_kᵀ A_k is wanted. Equal ranks only.
/// </summary>
public sealed class FedAvg : IAggregationMethod
{
    /// <inheritdoc/>
    public string Name => "fedavg";

    /// <inheritdoc/>
    public ClientStart Start => ClientStart.Global;

    /// <inheritdoc/>
    public ClientDepth Depth => ClientDepth.Alike;

    /// <inheritdoc/>
    public IReadOnlyList<ClientSpecification> Admit(IReadOnlyList<ClientSpecification> clients) => EqualRanks.Require(Name, clients);

    /// <inheritdoc/>
    public Aggregation Aggregate(Contributions clients, ServerState server)
    {
        ArgumentNullException.ThrowIfNull(clients);
        ArgumentNullException.ThrowIfNull(server);
        EqualRanks.Require(Name, clients);
        AdapterWeights average = FactorAverage.Over(server.Global, StackedFactors.Map(clients, (_, parts) => FactorAverage.Of(parts)));
        return new Aggregation { Global = average, Product = StackedFactors.Unscaled(average) };
    }

    /// <summary>One adapter of the client's own size.</summary>
    public long DownloadBytes(Aggregation aggregation, AdapterWeights client) => sizeof(float) * client.ParameterCount;
}
