#:property RestorePackagesWithLockFile=false
#:property PublishAot=false
// Means, standard errors and paired differences over what federated.sh has written:
//
//   dotnet run -c Release bench/experiments/llm-drop/Federated.cs -- OUT
//
// A difference is taken seed by seed (same records, same initial adapters), so that what the seeds share cancels out.
using System.Globalization;
using System.Text.Json;

CultureInfo.CurrentCulture = CultureInfo.InvariantCulture;
(string Name, string File)[] arms =
[
    ("all ten whole (not to be had)", "whole"), ("unequal depth, `--renormalize module`", "unequal-module"), ("unequal depth, `--renormalize none`", "unequal-none"),
    ("the strong five alone", "strong-only"), ("all ten shallow, evaluated whole", "lowest"), ("all ten shallow, evaluated shallow", "lowest-shallow"),
];
const string Rival = "unequal-module";
Dictionary<string, double[]> losses = arms.ToDictionary(arm => arm.File, arm => Runs(arm.File).Select(Final).ToArray());
Console.WriteLine($"Before: whole {Loss(Runs(Rival)[0].GetProperty("initial_eval")):0.0000}, shallow {Loss(Read(Path.Combine(args[0], "shallow.json"))):0.0000}.\n");
Console.WriteLine("| clients | loss after round 1 | loss at the end | − that of unequal depth, `module` | upload a round, all clients |");
Console.WriteLine("|---|---|---|---|---|");
foreach ((string name, string file) in arms)
{
    JsonElement[] rounds = [.. Runs(file).Where(run => run.TryGetProperty("rounds", out _)).Select(run => run.GetProperty("rounds")[0])];
    string first = rounds.Length == 0 ? "" : Show(rounds.Select(round => Loss(round.GetProperty("eval"))));
    string upload = rounds.Length == 0 ? "" : $"{rounds[0].GetProperty("clients").EnumerateArray().Sum(c => c.GetProperty("upload_bytes").GetDouble()) / 1e6:0.00} MB";
    string difference = file == Rival ? "" : Show(losses[file].Zip(losses[Rival], (a, b) => a - b));
    Console.WriteLine($"| {name} | {first} | {Show(losses[file])} | {difference} | {upload} |");
}

// Seed by seed, so that nothing hides in a mean.
Console.WriteLine($"\n| seed | {string.Join(" | ", arms.Select(a => a.File))} |\n|---|{string.Concat(arms.Select(_ => "---|"))}");
for (int seed = 0; seed < losses[Rival].Length; seed++) Console.WriteLine($"| {seed} | {string.Join(" | ", arms.Select(a => $"{losses[a.File][seed]:0.0000}"))} |");

JsonElement[] Runs(string arm) => [.. Directory.GetFiles(args[0], arm + "-?.json").Order(StringComparer.Ordinal).Select(Read)];

static JsonElement Read(string path) => JsonDocument.Parse(File.ReadAllBytes(path)).RootElement;

static double Loss(JsonElement evaluation) => evaluation.GetProperty("loss").GetDouble();

// federate's last round, or what eval printed.
static double Final(JsonElement run) =>
    run.TryGetProperty("rounds", out JsonElement rounds) ? Loss(rounds[rounds.GetArrayLength() - 1].GetProperty("eval")) : Loss(run);

// Mean ± standard error over seeds.
static string Show(IEnumerable<double> values)
{
    double[] all = [.. values];
    double mean = all.Average(), error = Math.Sqrt(all.Sum(v => (v - mean) * (v - mean)) / (all.Length - 1) / all.Length);
    return $"{mean:0.0000} ± {error:0.0000}".Replace('-', '−');
}
