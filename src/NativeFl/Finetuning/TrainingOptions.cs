using System.Globalization;
using NativeFl.Tensors;

namespace NativeFl.Finetuning;

/// <summary>How one client (or one plain training run) steps. Defaults are the command line's.</summary>
public sealed record TrainingOptions
{
    /// <summary>Sequences of a micro-batch.</summary>
    public int BatchSize { get; init; } = 8;

    /// <summary>Micro-batches of one optimiser step; the loss is the mean over the counted tokens of all of them.</summary>
    public int GradientAccumulation { get; init; } = 1;

    /// <summary>Optimiser steps, cycling the data; null trains <see cref="Epochs"/>.</summary>
    public int? Steps { get; init; }

    /// <summary>Passes over the data where <see cref="Steps"/> is null.</summary>
    public double Epochs { get; init; } = 1;

    /// <summary>The peak rate.</summary>
    public double LearningRate { get; init; } = 3e-4;

    /// <summary>The rate's shape after warm-up.</summary>
    public LearningRateSchedule Schedule { get; init; } = LearningRateSchedule.Constant;

    /// <summary>Steps of linear warm-up from 0.</summary>
    public int WarmupSteps { get; init; }

    /// <summary>AdamW's decoupled decay.</summary>
    public double WeightDecay { get; init; }

    /// <summary>The largest gradient norm of a segment; 0 = no clipping.</summary>
    public double GradClip { get; init; } = 1;

    /// <summary>Whether every epoch has its own order.</summary>
    public bool Shuffle { get; init; } = true;

    /// <summary>Dropout on the LoRA input.</summary>
    public double Dropout { get; init; }

    /// <summary>FedProx (Li et al., arXiv:1812.06127): adds μ/2 ‖θ − θ_start‖² to the loss; 0 = plain.</summary>
    public double ProximalMu { get; init; }

    /// <summary>The optimiser steps of a run over <paramref name="examples"/> examples.</summary>
    /// <param name="examples">Sequences of an epoch.</param>
    /// <param name="epochsFlag">What an error calls the flag that <see cref="Epochs"/> came from.</param>
    /// <exception cref="InvalidInputException">They are more than can be counted.</exception>
    public int StepsFor(int examples, string epochsFlag = "--epochs")
    {
        if (Steps is { } steps) return steps;
        long microBatches = ((long)examples + BatchSize - 1) / BatchSize;
        long perEpoch = (microBatches + GradientAccumulation - 1) / GradientAccumulation;
        double total = Math.Ceiling(perEpoch * Epochs);
        return total <= int.MaxValue
            ? (int)total
            : throw new InvalidInputException(
                epochsFlag, $"epochs that make at most {int.MaxValue} steps", total.ToString("0.#####e+0", CultureInfo.InvariantCulture) + " steps");
    }
}
