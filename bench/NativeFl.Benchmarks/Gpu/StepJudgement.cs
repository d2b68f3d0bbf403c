namespace NativeFl.Benchmarks.Gpu;

/// <summary>What <see cref="StepGate"/> found of one case beside one setting of the peer.</summary>
internal sealed record StepJudgement(string Case, string Peer, string Verdict)
{
    public const string Same = "same";

    public bool IsSame => Verdict == Same;

    public int Steps { get; init; }

    /// <summary>The largest, in nats.</summary>
    public double LossDifference { get; init; }

    /// <summary>The largest, of the peer's norm.</summary>
    public double NormDifference { get; init; }

    public double FirstLoss { get; init; }

    public double LastLoss { get; init; }

    /// <summary>Ours.</summary>
    public double SmallestNorm { get; init; }
}
