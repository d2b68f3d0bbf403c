using NativeFl.Federation;
using NativeFl.Finetuning;

namespace NativeFl.Cli.Quickstart;

/// <summary>The quickstart's sizes, which its report shows.</summary>
internal sealed record QuickstartPlan
{
    /// <summary>H, Hkv and the positions of the base model.</summary>
    public const int Heads = 4, KvHeads = 2, Positions = 128;

    /// <summary>How the base reads.</summary>
    public const int Merges = 1200, PretrainBatch = 8, PretrainLength = 96;

    public const double PretrainRate = 2e-3;

    /// <summary>The federation.</summary>
    public const int Clients = 10, MinimumExamples = 24, AnswerTokens = 20;

    public const double DirichletAlpha = 0.5, Scaling = 2;

    /// <summary>A few minutes on two CPU cores: enough to learn the facts and to tell the methods apart.</summary>
    public static QuickstartPlan Standard { get; } = new() { Name = "standard" };

    /// <summary>Seconds: every stage runs, and nothing is learned that would be worth a comparison.</summary>
    public static QuickstartPlan Small { get; } = new()
    {
        Name = "small",
        Width = 48,
        FeedForward = 96,
        Layers = 2,
        Sentences = 2000,
        PretrainEpochs = 1,
        Rounds = 1,
        LocalEpochs = 0.25,
        Questions = 40,
        PoolRecords = 48,
    };

    /// <summary>What --size calls them.</summary>
    public required string Name { get; init; }

    /// <summary>C of the base model.</summary>
    public int Width { get; init; } = 128;

    /// <summary>F.</summary>
    public int FeedForward { get; init; } = 384;

    /// <summary>L.</summary>
    public int Layers { get; init; } = 4;

    /// <summary>The paragraphs of prose that the base reads.</summary>
    public int Sentences { get; init; } = 24_000;

    /// <summary>How often it reads them.</summary>
    public double PretrainEpochs { get; init; } = 3;

    /// <summary>Rounds of the federation.</summary>
    public int Rounds { get; init; } = 4;

    /// <summary>Passes of a client over its examples in a round.</summary>
    public double LocalEpochs { get; init; } = 2;

    /// <summary>The most questions that are held out.</summary>
    public int Questions { get; init; } = int.MaxValue;

    /// <summary>Questions that the records worth training on are chosen from.</summary>
    public int PoolRecords { get; init; } = 480;

    /// <summary>The ranks of FLoRA's heterogeneous setting (arXiv:2409.05976), and equal ones of the same sum.</summary>
    public static IReadOnlyList<int> UnequalRanks { get; } = [64, 32, 16, 16, 8, 8, 4, 4, 4, 4];

    public static IReadOnlyList<int> EqualRanks { get; } = [16];

    /// <summary>A client's work in a round; the same for every method.</summary>
    public TrainingOptions ClientTraining => new() { BatchSize = 4, Epochs = LocalEpochs, LearningRate = 2e-3, Schedule = LearningRateSchedule.Linear };

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
