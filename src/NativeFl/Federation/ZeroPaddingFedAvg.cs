using NativeFl.Models;

namespace NativeFl.Federation;

/// <summary>
/// FedAvg for unequal ranks, FLoRA's heterogeneous baseline (arXiv:2409.05976; HetLoRA, arXiv:2401.06432, without its pruning): A_k and
/// B_k are padded with zero rows to the largest rank and averaged; client k goes on from the first r_k rows. The scaling stays s (the
/// baseline's own configuration would multiply it by the padding). Besides FedAvg's cross terms, padding dilutes the rows that few
/// clients have.
/// </summary>
public sealed class ZeroPaddingFedAvg : IAggregationMethod
{
    /// <inheritdoc/>
    public string Name => "zero-padding";

    /// <inheritdoc/>
    public ClientStart Start => ClientStart.Global;

    /// <inheritdoc/>
    public IReadOnlyList<ClientSpecification> Admit(IReadOnlyList<ClientSpecification> clients) => clients;

    /// <inheritdoc/>
    public Aggregation Aggregate(Contributions clients, ServerState server)
    {
        ArgumentNullException.ThrowIfNull(clients);
        ArgumentNullException.ThrowIfNull(server);
        AdapterWeights average = FactorAverage.Over(server.Global, StackedFactors.Map(clients, (_, parts) => FactorAverage.Of(parts)));
        return new Aggregation { Global = average, Product = StackedFactors.Unscaled(average) };
    }

    /// <summary>The first r_k rows: one adapter of the client's own size.</summary>
    public long DownloadBytes(Aggregation aggregation, AdapterWeights client) => sizeof(float) * client.ParameterCount;
}
