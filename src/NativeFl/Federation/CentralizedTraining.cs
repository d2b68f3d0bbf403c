using NativeFl.Models;

namespace NativeFl.Federation;

/// <summary>
/// One client that has all data, the largest of the ranks and the whole depth, and goes on from its own adapter: what federating costs is
/// measured against it.
/// </summary>
public sealed class CentralizedTraining : IAggregationMethod
{
    /// <inheritdoc/>
    public string Name => "centralized";

    /// <inheritdoc/>
    public ClientStart Start => ClientStart.Global;

    /// <inheritdoc/>
    public IReadOnlyList<ClientSpecification> Admit(IReadOnlyList<ClientSpecification> clients)
    {
        ArgumentNullException.ThrowIfNull(clients);
        ClientSpecification largest = clients.MaxBy(c => c.Rank)!;
        return
        [
            largest with
            {
                Id = 0,
                Examples = [.. clients.SelectMany(c => c.Examples).Order()],
                Dropped = DroppedSublayers.None,
                BudgetBytes = null,
                PlannedBytes = null,
            },
        ];
    }

    /// <inheritdoc/>
    public Aggregation Aggregate(Contributions clients, ServerState server)
    {
        ArgumentNullException.ThrowIfNull(clients);
        AdapterWeights adapter = clients.Clients[0].Adapter;
        return new Aggregation { Global = adapter, Product = StackedFactors.Unscaled(adapter) };
    }

    /// <summary>Nothing.</summary>
    public long UploadBytes(AdapterWeights client) => 0;

    /// <summary>Nothing: the data moved instead.</summary>
    public long DownloadBytes(Aggregation aggregation, AdapterWeights client) => 0;
}
