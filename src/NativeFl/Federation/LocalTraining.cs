using NativeFl.Models;

namespace NativeFl.Federation;

/// <summary>Every client alone: it goes on from its own adapter and nothing is exchanged. What a federation has to beat.</summary>
public sealed class LocalTraining : IAggregationMethod
{
    /// <inheritdoc/>
    public string Name => "local";

    /// <inheritdoc/>
    public ClientStart Start => ClientStart.Own;

    /// <inheritdoc/>
    public IReadOnlyList<ClientSpecification> Admit(IReadOnlyList<ClientSpecification> clients) => clients;

    /// <inheritdoc/>
    public Aggregation Aggregate(Contributions clients, ServerState server) => Aggregation.None;

    /// <summary>Nothing.</summary>
    public long UploadBytes(AdapterWeights client) => 0;

    /// <summary>Nothing.</summary>
    public long DownloadBytes(Aggregation aggregation, AdapterWeights client) => 0;
}
