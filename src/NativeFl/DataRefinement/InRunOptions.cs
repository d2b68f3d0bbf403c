using NativeFl.Finetuning;

namespace NativeFl.DataRefinement;

/// <summary>The one training that <see cref="InRunValues"/> watches, and how it credits records.</summary>
public sealed record InRunOptions
{
    /// <summary>The adapter.</summary>
    public LoraOptions Lora { get; init; } = new();

    /// <summary>Its training; without dropout and without a proximal term.</summary>
    public TrainingOptions Training { get; init; } = new();

    /// <summary>Of the adapter's start and the order of the data.</summary>
    public ulong Seed { get; init; }

    /// <summary>How far a step's effect on the validation loss is followed.</summary>
    public InRunOrder Order { get; init; } = InRunOrder.First;

    /// <summary>
    /// Whether a record's gradient counts by its direction alone: cosines in the place of products, so that neither a long answer nor a large loss
    /// weighs more. Such values have no unit, and do not add up to anything.
    /// </summary>
    public bool Normalised { get; init; }

    /// <summary>Steps between two measurements of the validation gradient; <see cref="InRunOrder.Second"/> measures it after every step.</summary>
    public int ValidationEvery { get; init; } = 4;

    /// <summary>Groups of validation records that standard errors are taken over; as many as there are records if those are fewer.</summary>
    public int ValidationBlocks { get; init; } = 8;

    /// <summary>The most token rows of a pass, of the training and of the validation; a longer record has one to itself. Nothing but rounding depends on it.</summary>
    public int MaxRows { get; init; } = DefaultRows;

    /// <summary>The file that a run keeps its state in, or null. One that is there is gone on from, to the same bits.</summary>
    public string? Checkpoint { get; init; }

    /// <summary>Steps between two states kept; a cancelled run keeps one too.</summary>
    public int CheckpointEvery { get; init; } = 50;

    internal const int DefaultRows = 8192;
}
