using System.Globalization;

namespace NativeFl.Benchmarks.Gpu;

/// <summary>
/// Figures as Markdown. A figure of several runs is the median of their medians; the peer's is that of its best setting, and the others
/// stand beside it.
/// </summary>
internal static class ResultTables
{
    private static readonly Case[] Cases =
    [
        new("G1", "LoRA training, Llama-3.2-1B's shape, 8 × 2048 tokens, r = 16", "≥ 80k, ≥ 1.5 × the peer"),
        new("G2", "LoRA training, Llama-3-8B's shape, 4 × 2048 tokens, r = 16", "≥ 16k, ≥ 1.3 × the peer"),
        new("G4", "LoRA training, TinyLlama's shape, 4 × 512 tokens, r = 8", "≥ 70k, ≥ 2.5 × the peer"),
        new("G7", "16 adapters of ranks 64 to 4 on Llama-3.2-1B's shape, 512 tokens each", "≥ 60k, ≥ 4 × sequential PEFT"),
        new("G9", "FLoRA's merge, Llama-2-7B's shape, ten adapters of ranks 64 to 4", "≤ 7.5 ms, ≥ 8 × PEFT, ≥ 1.1 × stacked products"),
        new("G11", "Fine-tunings for Shapley's values, Llama-3.2-1B's shape, 20 groups of 50 records, 10 orders", "≥ 93k (37 M tokens in ≤ 400 s), ≥ 4 × PEFT one by one"),
        new("G12", "Kernels that memory bounds", "≥ 88 % of a copy, never below Triton"),
        new("G13", "Causal attention", "forward ≥ 350, backward ≥ 230 TFLOP/s"),
        new("G14", "Shapley's values of games that the device computes, 1,000 players", "≥ 10 × batches of orders in PyTorch"),
    ];

    /// <summary>One table a case, measured or not.</summary>
    public static void Write(IReadOnlyList<ResultLine> lines, TextWriter output)
    {
        foreach (Case given in Cases)
        {
            output.WriteLine();
            output.WriteLine($"### {given.Name}: {given.Title}");
            output.WriteLine();
            output.WriteLine($"Goal: {given.Goal}.");
            output.WriteLine();
            output.WriteLine("| item | NativeFl (p10 – p90) | of the limit | best peer (p10 – p90) | its setting | ratio | other settings of the peer |");
            output.WriteLine("|---|---|---|---|---|---|---|");
            ResultLine[] found = [.. lines.Where(line => line.Case == given.Name)];
            if (found.Length == 0) output.WriteLine("| | not measured yet | | not measured yet | | | |");
            foreach (IGrouping<string, ResultLine> item in found.GroupBy(line => line.Item)) output.WriteLine(Row(item.Key, [.. item]));
        }
    }

    /// <summary>One row a case and f32 setting of the peer.</summary>
    public static void Write(IReadOnlyList<StepJudgement> judgements, TextWriter output)
    {
        output.WriteLine("### Are they the same steps?");
        output.WriteLine();
        output.WriteLine(FormattableString.Invariant(
            $"Losses within {StepGate.LossTolerance:0e-0} of the peer's (f32 adapters, same weights, same tokens) at every step, gradient norms never 0 and within {100 * StepGate.NormTolerance} %."));
        output.WriteLine();
        output.WriteLine("| case | peer | steps | largest difference of a loss | first and last loss, ours | largest difference of a norm, relative | smallest norm, ours | verdict |");
        output.WriteLine("|---|---|---|---|---|---|---|---|");
        if (judgements.Count == 0) output.WriteLine("| | | | not measured yet | | | | |");
        foreach (StepJudgement judged in judgements)
        {
            string figures = judged.Steps == 0 ? " | | | | " : FormattableString.Invariant(
                $" {judged.Steps} | {judged.LossDifference:0.0e+0} | {judged.FirstLoss:0.0000}, {judged.LastLoss:0.0000} | {judged.NormDifference:0.0e+0} | {judged.SmallestNorm:0.000} ");
            output.WriteLine($"| {judged.Case} | {judged.Peer} |{figures}| {judged.Verdict} |");
        }
    }

    private static string Row(string item, ResultLine[] lines)
    {
        Summary? ours = Summaries(lines.Where(line => line.IsOurs)).FirstOrDefault();
        Summary[] peers = [.. Summaries(lines.Where(line => !line.IsOurs))];
        Summary? best = peers.FirstOrDefault();
        string ratio = ours is null || best is null ? "" : FormattableString.Invariant($"{(ours.IsTime ? best.Median / ours.Median : ours.Median / best.Median):0.00}");
        string others = string.Join("; ", peers.Skip(1).Select(peer => $"{peer.Setting}: {Number(peer.Median)}"));
        return $"| {item} | {Show(ours)} | {Share(ours)} | {Show(best)} | {best?.Setting} | {ratio} | {others} |";
    }

    // One entry a setting, the best first.
    private static IEnumerable<Summary> Summaries(IEnumerable<ResultLine> lines)
    {
        IEnumerable<Summary> all = lines.GroupBy(line => line.Setting).Select(setting =>
        {
            double[] medians = [.. setting.Select(line => line.Median).Order()];
            ResultLine any = setting.First();
            double median = (medians[(medians.Length - 1) / 2] + medians[medians.Length / 2]) / 2;
            return new Summary(setting.Key, any.Unit, median, setting.Min(line => line.Low), setting.Max(line => line.High), any.Roof, setting.Max(line => line.PeakBytes));
        });
        return all.OrderByDescending(summary => summary.IsTime ? -summary.Median : summary.Median);
    }

    private static string Show(Summary? summary) => summary is null
        ? "not measured"
        : $"{Number(summary.Median)} {summary.Unit} ({Number(summary.Low)} – {Number(summary.High)})"
            + (summary.PeakBytes > 0 ? FormattableString.Invariant($", {summary.PeakBytes / 1e9:0.0} GB") : "");

    private static string Share(Summary? summary) => summary is not { Roof: > 0 }
        ? ""
        : FormattableString.Invariant($"{100 * (summary.IsTime ? summary.Roof / summary.Median : summary.Median / summary.Roof):0.0} % of {Number(summary.Roof)}");

    private static string Number(double value) =>
        value.ToString(value >= 1000 ? "#,0" : value >= 10 ? "0.0" : "0.000", CultureInfo.InvariantCulture);

    private sealed record Case(string Name, string Title, string Goal);

    private sealed record Summary(string Setting, string Unit, double Median, double Low, double High, double Roof, long PeakBytes)
    {
        public bool IsTime => Unit == "ms";
    }
}
