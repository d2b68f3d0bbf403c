#:property RestorePackagesWithLockFile=false
#:property PublishAot=false
// Means, standard errors and paired differences over the JSON results of `nativefl quickstart --json`, one file a seed:
//
//   dotnet run bench/experiments/flora/Summary.cs -- RESULT.json RESULT.json …
//
// A difference is taken seed by seed (same base, same partition), so that what the seeds share cancels out.
using System.Globalization;
using System.Text.Json;

CultureInfo.CurrentCulture = CultureInfo.InvariantCulture;
JsonDocument[] results = [.. args.Select(path => JsonDocument.Parse(File.ReadAllBytes(path)))];
string[] names = [.. Runs(results[0]).Select(run => run.GetProperty("name").GetString()!)];
Console.WriteLine($"{results.Length} seeds; base before: loss {Show(results.Select(r => Number(r.RootElement.GetProperty("base"), "loss")))}");
Console.WriteLine();
Console.WriteLine("| run | held-out loss | right answers % | exactness | upload a round | download a round | loss − that of FLoRA, same ranks |");
Console.WriteLine("|---|---|---|---|---|---|---|");
foreach (string name in names)
{
    var runs = results.Select(r => Run(r, name)).ToArray();
    string rival = name.Contains(',', StringComparison.Ordinal) ? "flora, rank 16" : "flora";
    var differences = results.Select(r => Loss(Run(r, name)) - Loss(Run(r, rival)));
    Console.WriteLine(
        $"| {name} | {Show(runs.Select(Loss))} | {Show(runs.Select(r => 100 * Number(r.GetProperty("final"), "accuracy")), "0.0")} "
        + $"| {runs.Average(r => r.GetProperty("exactness").EnumerateArray().Last().ValueKind == JsonValueKind.Number ? r.GetProperty("exactness").EnumerateArray().Last().GetDouble() : double.NaN):0.0e+0} "
        + $"| {Number(runs[0], "upload_bytes") / 1e6:0.00} MB | {Number(runs[0], "download_bytes") / 1e6:0.00} MB | {(name == rival ? "" : Show(differences))} |");
}

static IEnumerable<JsonElement> Runs(JsonDocument result) => result.RootElement.GetProperty("runs").EnumerateArray();

static JsonElement Run(JsonDocument result, string name) => Runs(result).Single(run => run.GetProperty("name").GetString() == name);

static double Number(JsonElement element, string member) => element.GetProperty(member).GetDouble();

static double Loss(JsonElement run) => Number(run.GetProperty("final"), "loss");

// Mean ± standard error over seeds.
static string Show(IEnumerable<double> values, string format = "0.0000")
{
    double[] all = [.. values];
    double mean = all.Average();
    double error = all.Length > 1 ? Math.Sqrt(all.Sum(v => (v - mean) * (v - mean)) / (all.Length - 1) / all.Length) : double.NaN;
    return $"{mean.ToString(format, CultureInfo.InvariantCulture)} ± {error.ToString(format, CultureInfo.InvariantCulture)}";
}
