using NativeFl.Models;

namespace NativeFl.Federation;

/// <summary>
/// FedEx-LoRA (Singhal et al., ACL 2025, arXiv:2410.09432): clients go on from (Ā, B̄) as in FedAvg, and the base takes what averaging lost,
/// W ← W + Σ_k p_k s_k B_kᵀ A_k − s B̄ᵀ Ā, so the model is exact and the adapters stay warm. Equal ranks only.
/// </summary>
public sealed class FedExLora : IAggregationMethod
{
    /// <inheritdoc/>
    public string Name => "fedex";

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
        AdapterWeights average = StackedFactors.Map(clients, (_, parts) => FactorAverage.Of(parts));
        AdapterWeights residual = StackedFactors.Map(
            clients, (module, parts) => StackedFactors.Of([.. parts, new WeightedFactors(-1, average.Modules[module])]));
        return new Aggregation
        {
            Merge = residual,
            Global = FactorAverage.Over(server.Global, average),
            Product = StackedFactors.Of(clients),
        };
    }

    /// <summary>The average, once as the adapter and once inside the residual, and the clients' stack: 4 Σ_modules (R + r) (in + out).</summary>
    public long DownloadBytes(Aggregation aggregation, AdapterWeights client) =>
        sizeof(float) * aggregation.Merge?.ParameterCount ?? 0;
}
