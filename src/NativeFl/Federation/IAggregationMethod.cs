using NativeFl.Models;

namespace NativeFl.Federation;

/// <summary>A method whose clients train LoRA adapters.</summary>
public interface IAggregationMethod : IFederationMethod
{
    /// <summary>What a client's adapter is when a round begins.</summary>
    ClientStart Start { get; }

    /// <summary>Makes the server's new state from the adapters of a round; a pure function on the host.</summary>
    /// <param name="clients">The adapters and weights.</param>
    /// <param name="server">What the server held when the round began.</param>
    /// <returns>What goes into the base, what stays beside it, what clients go on from.</returns>
    Aggregation Aggregate(Contributions clients, ServerState server);

    /// <summary>Bytes in f32 that a client sends: its adapter.</summary>
    long UploadBytes(AdapterWeights client) => sizeof(float) * client.ParameterCount;

    /// <summary>Bytes in f32 that a client of the round is sent at its end.</summary>
    /// <param name="aggregation">What the round came to, on the sublayers that the client has.</param>
    /// <param name="client">The adapter that the client sent.</param>
    long DownloadBytes(Aggregation aggregation, AdapterWeights client);
}
