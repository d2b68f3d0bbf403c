namespace NativeFl.Finetuning;

/// <summary>How a trainer uses the machine. Nothing here changes results beyond rounding.</summary>
public sealed record TrainerOptions
{
    /// <summary>
    /// The most token rows of one pass. Clients that do not fit together train in waves, one wave after another; a single client may
    /// exceed it.
    /// </summary>
    public int MaxRows { get; init; } = 8192;

    /// <summary>Where checkpoints go, or null: one file a wave, replaced atomically. Existing ones are resumed from.</summary>
    public string? CheckpointFolder { get; init; }

    /// <summary>Steps between checkpoints; a cancelled run writes one too.</summary>
    public int CheckpointEvery { get; init; } = 100;
}
