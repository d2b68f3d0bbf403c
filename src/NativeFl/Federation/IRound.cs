namespace NativeFl.Federation;

/// <summary>One round of a federation: local training and what the server makes of it.</summary>
internal interface IRound
{
    /// <summary>Runs a round (from 1) with the selected clients, in the order of their ids.</summary>
    /// <exception cref="Tensors.RunFailedException">Every client diverged.</exception>
    RoundOutcome Run(int round, IReadOnlyList<ClientSpecification> selected, ServerState server, CancellationToken cancellation);
}
