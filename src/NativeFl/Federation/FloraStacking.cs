using NativeFl.Models;

namespace NativeFl.Federation;

/// <summary>
/// FLoRA (Wang et al., NeurIPS 2024, arXiv:2409.05976): W ← W + Σ_k p_k s_k B_kᵀ A_k by stacking the factors, exact for any ranks. The stack
/// is merged into the base and every round starts from fresh random adapters.
/// </summary>
public sealed class FloraStacking : IAggregationMethod
{
    /// <inheritdoc/>
    public string Name => "flora";

    /// <inheritdoc/>
    public ClientStart Start => ClientStart.Fresh;

    /// <inheritdoc/>
    public IReadOnlyList<ClientSpecification> Admit(IReadOnlyList<ClientSpecification> clients) => clients;

    /// <inheritdoc/>
    public Aggregation Aggregate(Contributions clients, ServerState server)
    {
        ArgumentNullException.ThrowIfNull(clients);
        AdapterWeights stack = StackedFactors.Of(clients);
        return new Aggregation { Merge = stack, Product = stack };
    }

    /// <summary>The whole stack: 4 Σ_modules R (in + out).</summary>
    public long DownloadBytes(Aggregation aggregation, AdapterWeights client) => sizeof(float) * aggregation.Product.ParameterCount;
}
