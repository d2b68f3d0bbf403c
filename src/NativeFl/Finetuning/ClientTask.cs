using NativeFl.Data;
using NativeFl.Models;

namespace NativeFl.Finetuning;

/// <summary>One client's fine-tuning: its own data, seed, start and options. Nothing here depends on the other clients of a pass.</summary>
public sealed record ClientTask
{
    /// <summary>A name for messages and results.</summary>
    public required string Id { get; init; }

    /// <summary>Keys the data order and dropout.</summary>
    public required ulong Seed { get; init; }

    /// <summary>The client's data, not empty.</summary>
    public required IReadOnlyList<TokenizedExample> Examples { get; init; }

    /// <summary>The adapter it starts from; modules that are absent are not trained.</summary>
    public required AdapterWeights Initial { get; init; }

    /// <summary>What the client's model goes without; the adapter has nothing there.</summary>
    public DroppedSublayers Dropped { get; init; } = DroppedSublayers.None;

    /// <summary>How it steps.</summary>
    public TrainingOptions Options { get; init; } = new();
}
