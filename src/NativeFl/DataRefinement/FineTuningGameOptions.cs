using NativeFl.Finetuning;

namespace NativeFl.DataRefinement;

/// <summary>How the coalitions of a <see cref="FineTuningGame"/> are fine-tuned.</summary>
public sealed record FineTuningGameOptions
{
    /// <summary>The adapter.</summary>
    public LoraOptions Lora { get; init; } = new();

    /// <summary>Its training; a pass over a smaller coalition has fewer steps.</summary>
    public TrainingOptions Training { get; init; } = new();

    /// <summary>Of the adapter's start, the order of the data and dropout: the same for every coalition.</summary>
    public ulong Seed { get; init; }

    /// <summary>Coalitions side by side.</summary>
    public int AtOnce { get; init; } = 8;

    /// <summary>Token rows of a pass; nothing but rounding depends on it.</summary>
    public int MaxRows { get; init; } = 8192;
}
