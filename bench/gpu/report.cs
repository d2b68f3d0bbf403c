#:property RestorePackagesWithLockFile=false
#:property PublishAot=false
// The tables of bench/results/README.md from what bench/gpu/run.sh left:
//
//   dotnet run bench/gpu/report.cs -- DIR… > bench/results/README.md
//
// A DIR holds results.jsonl and environment.json; several of them are calls on one machine that add up. Without any the tables say that
// nothing is measured yet. A figure of several runs is the median of their medians; the peer's is that of its best setting.
using System.Globalization;
using System.Text.Json;

CultureInfo.CurrentCulture = CultureInfo.InvariantCulture;
JsonElement[] environments = [.. args.Select(folder => JsonDocument.Parse(File.ReadAllText(Path.Combine(folder, "environment.json"))).RootElement)];
Line[] lines = [.. args.SelectMany(folder => File.ReadLines(Path.Combine(folder, "results.jsonl"))).Select(Read)];
if (environments.Any(environment => Text(environment, "gpu") is "" or "none"))
{
    Console.Error.WriteLine("report: these results are of a machine without a GPU: they belong in no table");
    return 2;
}

Console.WriteLine("""
    # Results

    Figures with date, commit, device and command. What belongs beside them, and the rules of measuring, is in [NOTES.md](NOTES.md).

    - [CPU](cpu.md)
    - GPU: below, written by `dotnet run bench/gpu/report.cs`

    ## GPU
    """);
Console.WriteLine();
if (environments.Length == 0) Console.WriteLine("Not measured yet: `bench/gpu/pack.sh` makes the archive, `bench/gpu/run.sh` on a machine with a GPU fills these tables.");
foreach (JsonElement environment in environments)
{
    Console.WriteLine(
        $"- {Text(environment, "date")}, commit {Text(environment, "commit")}, {Text(environment, "gpu")} ({Text(environment, "fields")}); "
        + $"{Text(environment, "packages")} `{Text(environment, "command")}`");
}

Case[] cases =
[
    new("G1", "LoRA training, Llama-3.2-1B's shape, 8 × 2048 tokens, r = 16", "≥ 80k, ≥ 1.5 × the peer"),
    new("G2", "LoRA training, Llama-3-8B's shape, 4 × 2048 tokens, r = 16", "≥ 16k, ≥ 1.3 × the peer"),
    new("G4", "LoRA training, TinyLlama's shape, 4 × 512 tokens, r = 8", "≥ 70k, ≥ 2.5 × the peer"),
    new("G7", "16 adapters of ranks 64 to 4 on Llama-3.2-1B's shape, 512 tokens each", "≥ 60k, ≥ 4 × sequential PEFT"),
    new("G9", "FLoRA's merge, Llama-2-7B's shape, ten adapters of ranks 64 to 4", "≤ 7.5 ms, ≥ 8 × PEFT, ≥ 1.1 × stacked products"),
    new("G12", "Kernels that memory bounds", "≥ 88 % of a copy, never below Triton"),
    new("G13", "Causal attention", "forward ≥ 350, backward ≥ 230 TFLOP/s"),
];
foreach (Case given in cases) Table(given);
Gate();
return 0;

void Table(Case given)
{
    Console.WriteLine();
    Console.WriteLine($"### {given.Name}: {given.Title}");
    Console.WriteLine();
    Console.WriteLine($"Goal: {given.Goal}.");
    Console.WriteLine();
    Console.WriteLine("| item | NativeFl (p10 – p90) | of the limit | best peer (p10 – p90) | its setting | ratio | other settings of the peer |");
    Console.WriteLine("|---|---|---|---|---|---|---|");
    Line[] found = [.. lines.Where(line => line.Case == given.Name)];
    if (found.Length == 0) Console.WriteLine("| | not measured yet | | not measured yet | | | |");
    foreach (IGrouping<string, Line> item in found.GroupBy(line => line.Item))
    {
        Summary? ours = Summaries(item.Where(line => line.System == "nativefl")).FirstOrDefault();
        Summary[] peers = [.. Summaries(item.Where(line => line.System != "nativefl"))];
        Summary? best = peers.FirstOrDefault();
        string ratio = ours is null || best is null ? "" : $"{(ours.IsTime ? best.Median / ours.Median : ours.Median / best.Median):0.00}";
        string others = string.Join("; ", peers.Skip(1).Select(peer => $"{peer.Setting}: {Number(peer.Median)}"));
        Console.WriteLine($"| {item.Key} | {Show(ours)} | {Share(ours)} | {Show(best)} | {best?.Setting} | {ratio} | {others} |");
    }
}

// Loss by loss against the peer whose adapters are f32, from the same weights and tokens.
void Gate()
{
    Console.WriteLine();
    Console.WriteLine("### Are they the same steps?");
    Console.WriteLine();
    Console.WriteLine("Losses within 1e-2 of the peer's (f32 adapters, same weights, same tokens) at every step, gradient norms never 0.");
    Console.WriteLine();
    Console.WriteLine("| case | peer | steps | largest difference of a loss | first and last loss, ours | smallest gradient norm, ours | verdict |");
    Console.WriteLine("|---|---|---|---|---|---|---|");
    Line[] trained = [.. lines.Where(line => line.Losses.Length > 0)];
    if (trained.Length == 0) Console.WriteLine("| | | | not measured yet | | | |");
    foreach (IGrouping<string, Line> group in trained.GroupBy(line => line.Case))
    {
        if (group.FirstOrDefault(line => line.System == "nativefl") is not { } ours) continue;
        foreach (Line peer in group.Where(line => line.System != "nativefl" && line.Setting.Contains("f32", StringComparison.Ordinal)).DistinctBy(line => line.Setting))
        {
            int steps = Math.Min(ours.Losses.Length, peer.Losses.Length);
            double worst = Enumerable.Range(0, steps).Max(i => Math.Abs(ours.Losses[i] - peer.Losses[i])), norm = ours.GradNorms.Min();
            string verdict = steps < 50 ? "too few steps" : worst <= 1e-2 && norm > 0 ? "same" : "DIFFERENT";
            Console.WriteLine($"| {group.Key} | {peer.Setting} | {steps} | {worst:0.0e+0} | {ours.Losses[0]:0.0000}, {ours.Losses[^1]:0.0000} | {norm:0.000} | {verdict} |");
        }
    }
}

// One entry a setting, the best first.
static IEnumerable<Summary> Summaries(IEnumerable<Line> lines)
{
    IEnumerable<Summary> all = lines.GroupBy(line => line.Setting).Select(setting =>
    {
        double[] medians = [.. setting.Select(line => line.Median).Order()];
        Line any = setting.First();
        double median = (medians[(medians.Length - 1) / 2] + medians[medians.Length / 2]) / 2;
        return new Summary(setting.Key, any.Unit, median, setting.Min(line => line.Low), setting.Max(line => line.High), any.Roof, setting.Max(line => line.PeakBytes));
    });
    return all.OrderByDescending(summary => summary.IsTime ? -summary.Median : summary.Median);
}

static string Show(Summary? summary) => summary is null
    ? "not measured"
    : $"{Number(summary.Median)} {summary.Unit} ({Number(summary.Low)} – {Number(summary.High)}){(summary.PeakBytes > 0 ? $", {summary.PeakBytes / 1e9:0.0} GB" : "")}";

static string Share(Summary? summary) =>
    summary is not { Roof: > 0 } ? "" : $"{100 * (summary.IsTime ? summary.Roof / summary.Median : summary.Median / summary.Roof):0.0} % of {Number(summary.Roof)}";

static string Number(double value) => value >= 1000 ? $"{value:#,0}" : value >= 10 ? $"{value:0.0}" : $"{value:0.000}";

static string Text(JsonElement element, string member) => element.TryGetProperty(member, out JsonElement value) ? value.GetString() ?? "" : "";

static Line Read(string json)
{
    JsonElement e = JsonDocument.Parse(json).RootElement;
    double Value(string member) => e.GetProperty(member).GetDouble();
    double[] Values(string member) => [.. e.GetProperty(member).EnumerateArray().Select(value => value.GetDouble())];
    return new Line(
        Text(e, "case"), Text(e, "item"), Text(e, "system"), Text(e, "setting"), Text(e, "unit"),
        Value("median"), Value("p10"), Value("p90"), Value("roof"), e.GetProperty("peak_bytes").GetInt64(), Values("losses"), Values("grad_norms"));
}

internal sealed record Case(string Name, string Title, string Goal);

internal sealed record Line(
    string Case, string Item, string System, string Setting, string Unit,
    double Median, double Low, double High, double Roof, long PeakBytes, double[] Losses, double[] GradNorms);

internal sealed record Summary(string Setting, string Unit, double Median, double Low, double High, double Roof, long PeakBytes)
{
    public bool IsTime => Unit == "ms";
}
