using NativeFl.Federation;

namespace NativeFl.Cli.Quickstart;

/// <summary>One of the quickstart's runs, done.</summary>
/// <param name="Arm">Which.</param>
/// <param name="Federation">Its rounds in numbers.</param>
/// <param name="Seconds">Training and evaluation together.</param>
internal sealed record QuickstartResult(QuickstartArm Arm, FederationResult Federation, double Seconds)
{
    /// <summary>The figures after the last round.</summary>
    public IReadOnlyDictionary<string, double> Final => Federation.Rounds[^1].Evaluation!;

    /// <summary>The held-out loss before the first round and after each.</summary>
    public IReadOnlyList<double> Losses => Figures(HeldOutFigures.Loss);

    /// <summary>Their standard errors.</summary>
    public IReadOnlyList<double> LossErrors => Figures(HeldOutFigures.LossError);

    /// <summary>Bytes that all clients send in a round.</summary>
    public long UploadBytes => Federation.Rounds[^1].Clients.Sum(c => c.UploadBytes);

    /// <summary>Bytes that all clients are sent in a round.</summary>
    public long DownloadBytes => Federation.Rounds[^1].Clients.Sum(c => c.DownloadBytes);

    private double[] Figures(string name) =>
        [Federation.InitialEvaluation![name], .. Federation.Rounds.Select(r => r.Evaluation![name])];
}
