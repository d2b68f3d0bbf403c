#:property RestorePackagesWithLockFile=false
#:property PublishAot=false
// The table of what recovery.sh has written:
//
//   dotnet run -c Release bench/experiments/llm-drop/Recovery.cs -- OUT
using System.Globalization;
using System.Text.Json;

CultureInfo.CurrentCulture = CultureInfo.InvariantCulture;
double whole = Loss("whole.json");
Console.WriteLine("| dropped | loss | + linear patch | + LoRA | + both | patch wins back | LoRA wins back | both |");
Console.WriteLine("|---|---|---|---|---|---|---|---|");
Console.WriteLine($"| nothing | {whole:0.0000} | | {Show(Healed("whole"))} | | | | |");
foreach (string name in (string[])["similarity-2", "similarity-4", "greedy-4"])
{
    double dropped = Loss(name + ".json"), patched = Loss(name + "-patch.json");
    double[] healed = Healed(name), both = Healed(name + "-patch");
    Console.WriteLine(
        $"| {name[^1..]} by {name[..^2]} | {dropped:0.0000} | {patched:0.0000} | {Show(healed)} | {Show(both)} "
        + $"| {Share(dropped, patched)} | {Share(dropped, healed.Average())} | {Share(dropped, both.Average())} |");
}

// The share of what the drop cost, against the whole model as it was; above 100 % where training does more than mend.
string Share(double dropped, double now) => $"{100 * (dropped - now) / (dropped - whole):0} %".Replace('-', '−');

double[] Healed(string name) => [.. Directory.GetFiles(args[0], name + "-healed-?.json").Order(StringComparer.Ordinal).Select(path => Loss(Path.GetFileName(path)))];

double Loss(string file) => JsonDocument.Parse(File.ReadAllBytes(Path.Combine(args[0], file))).RootElement.GetProperty("loss").GetDouble();

// Mean ± standard error over seeds.
static string Show(double[] all)
{
    double mean = all.Average();
    return $"{mean:0.0000} ± {Math.Sqrt(all.Sum(v => (v - mean) * (v - mean)) / (all.Length - 1) / all.Length):0.0000}";
}
