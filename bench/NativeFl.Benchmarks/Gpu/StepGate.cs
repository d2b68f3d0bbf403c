namespace NativeFl.Benchmarks.Gpu;

/// <summary>
/// Whether NativeFl's training steps are the peer's: from the same weights and tokens and over at least 50 steps, the losses are within
/// 1e-2 and the gradient norms, none of which is 0, within 5 % of those of every peer whose adapters are f32, as ours are.
/// </summary>
/// <remarks>A case that only one of the two has run is refused: a gate that nothing passes through is open.</remarks>
internal static class StepGate
{
    public const int FewestSteps = 50;

    public const double LossTolerance = 1e-2, NormTolerance = 0.05;

    /// <summary>One judgement a case and peer's setting, of all lines that have losses; the worst pair of runs counts.</summary>
    public static IReadOnlyList<StepJudgement> Judge(IEnumerable<ResultLine> lines)
    {
        List<StepJudgement> judgements = [];
        foreach (IGrouping<string, ResultLine> group in lines.Where(line => line.Losses.Length > 0).GroupBy(line => line.Case))
        {
            ResultLine[] ours = [.. group.Where(line => line.IsOurs)];
            ResultLine[] peers = [.. group.Where(line => !line.IsOurs && line.Setting.Contains("f32", StringComparison.Ordinal))];
            if (ours.Length == 0) judgements.Add(new StepJudgement(group.Key, "", "MISSING: NativeFl"));
            else if (peers.Length == 0) judgements.Add(new StepJudgement(group.Key, "", "MISSING: a peer with f32 adapters"));
            else
            {
                judgements.AddRange(peers.GroupBy(peer => peer.Setting).Select(setting => setting
                    .SelectMany(peer => ours.Select(own => Compare(own, peer)))
                    .OrderBy(judged => judged.IsSame).ThenByDescending(judged => judged.LossDifference).First()));
            }
        }
        return judgements;
    }

    private static StepJudgement Compare(ResultLine ours, ResultLine peer)
    {
        int steps = new[] { ours.Losses, ours.GradNorms, peer.Losses, peer.GradNorms }.Min(values => values.Length);
        double[] losses = [.. Enumerable.Range(0, steps).Select(i => Math.Abs(ours.Losses[i] - peer.Losses[i]))];
        double[] norms = [.. Enumerable.Range(0, steps).Select(i => Math.Abs(ours.GradNorms[i] - peer.GradNorms[i]) / Math.Abs(peer.GradNorms[i]))];
        string verdict = steps < FewestSteps ? "TOO FEW STEPS"
            : ours.GradNorms.Any(norm => norm is not > 0) ? "ZERO GRADIENT NORM: ours"
            : peer.GradNorms.Any(norm => norm is not > 0) ? "ZERO GRADIENT NORM: the peer's"
            : losses.Any(difference => difference is not <= LossTolerance) ? "DIFFERENT LOSS"
            : norms.Any(difference => difference is not <= NormTolerance) ? "DIFFERENT GRADIENT NORM"
            : StepJudgement.Same;
        return new StepJudgement(ours.Case, peer.Setting, verdict)
        {
            Steps = steps,
            LossDifference = losses.DefaultIfEmpty().Max(),
            NormDifference = norms.DefaultIfEmpty().Max(),
            FirstLoss = ours.Losses[0],
            LastLoss = ours.Losses[^1],
            SmallestNorm = ours.GradNorms.DefaultIfEmpty().Min(),
        };
    }
}
