using NativeFl.Models;

namespace NativeFl.Federation;

/// <summary>
/// What the code published with FLoRA computes where it says FedAvg: (p_0 A_0, p_0 B_0). A misspelt name there throws away the sums of all
/// clients but the first, so the update is p_0² of one client's. Kept under this name so that published comparisons can be reproduced;
/// <see cref="FedAvg"/> is the real one.
/// </summary>
public sealed class FedAvgAsReleased : IAggregationMethod
{
    /// <inheritdoc/>
    public string Name => "fedavg-as-released";

    /// <inheritdoc/>
    public ClientStart Start => ClientStart.Global;

    /// <inheritdoc/>
    public ClientDepth Depth => ClientDepth.Whole;

    /// <inheritdoc/>
    public IReadOnlyList<ClientSpecification> Admit(IReadOnlyList<ClientSpecification> clients) => EqualRanks.Require(Name, clients);

    /// <inheritdoc/>
    public Aggregation Aggregate(Contributions clients, ServerState server)
    {
        ArgumentNullException.ThrowIfNull(clients);
        ArgumentNullException.ThrowIfNull(server);
        EqualRanks.Require(Name, clients);
        AdapterWeights first = StackedFactors.Map(clients, (_, parts) => FactorAverage.Of([parts[0]]));
        AdapterWeights released = FactorAverage.Over(server.Global, first);
        return new Aggregation { Global = released, Product = StackedFactors.Unscaled(released) };
    }

    /// <summary>One adapter of the client's own size.</summary>
    public long DownloadBytes(Aggregation aggregation, AdapterWeights client) => sizeof(float) * client.ParameterCount;
}
