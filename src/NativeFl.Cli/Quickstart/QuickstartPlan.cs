using NativeFl.Federation;
using NativeFl.Finetuning;

namespace NativeFl.Cli.Quickstart;

/// <summary>The quickstart's sizes: chosen so that two CPU cores need a few minutes, and shown in its report.</summary>
internal static class QuickstartPlan
{
    /// <summary>C, F, L, H and Hkv of the base model.</summary>
    public const int Width = 128, FeedForward = 384, Layers = 4, Heads = 4, KvHeads = 2, Positions = 128;

    /// <summary>What the base reads, and in which steps.</summary>
    public const int Sentences = 24_000, Merges = 1200, PretrainBatch = 8, PretrainLength = 96;

    public const double PretrainEpochs = 3, PretrainRate = 2e-3;

    /// <summary>The federation.</summary>
    public const int Clients = 10, Rounds = 4, MinimumExamples = 24, AnswerTokens = 20;

    public const double DirichletAlpha = 0.5, Scaling = 2;

    /// <summary>The ranks of FLoRA's heterogeneous setting (arXiv:2409.05976), and equal ones of the same sum.</summary>
    public static IReadOnlyList<int> UnequalRanks { get; } = [64, 32, 16, 16, 8, 8, 4, 4, 4, 4];

    public static IReadOnlyList<int> EqualRanks { get; } = [16];

    /// <summary>A client's work in a round; the same for every method.</summary>
    public static TrainingOptions ClientTraining => new() { BatchSize = 4, Epochs = 2, LearningRate = 2e-3, Schedule = LearningRateSchedule.Linear };

    /// <summary>What is compared. Every run starts from the same base, partition and seeds.</summary>
    public static IReadOnlyList<QuickstartArm> Arms =>
    [
        new("flora", new FloraStacking(), UnequalRanks),
        new("flora-unmerged", new FloraUnmerged(), UnequalRanks),
        new("zero-padding", new ZeroPaddingFedAvg(), UnequalRanks),
        new("local", new LocalTraining(), UnequalRanks),
        new("centralized", new CentralizedTraining(), UnequalRanks),
        new("flora, rank 16", new FloraStacking(), EqualRanks),
        new("fedavg, rank 16", new FedAvg(), EqualRanks),
        new("fedex, rank 16", new FedExLora(), EqualRanks),
        new("fedavg-as-released, rank 16", new FedAvgAsReleased(), EqualRanks),
    ];
}
