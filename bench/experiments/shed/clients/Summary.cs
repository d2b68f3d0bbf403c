#:property RestorePackagesWithLockFile=false
#:property PublishAot=false
// The tables of README.md from what clients.sh has written:
//
//   dotnet run -c Release bench/experiments/shed/clients/Summary.cs -- OUT
using System.Globalization;
using System.Text.Json;

CultureInfo.CurrentCulture = CultureInfo.InvariantCulture;
int[] scrambled = [3, 7];
const int Unchanged = 9;
string[] games = ["fixed", "renormalised"];
for (int g = 0; g < games.Length; g++)
{
    JsonElement[] runs = [.. Read("values").Select(run => run.GetProperty("values")[g])];
    Console.WriteLine($"{games[g]} weights, ten clients, {runs[0].GetProperty("estimator")} from {Show(runs.Select(r => r.GetProperty("evaluations").GetDouble()), "0")} evaluations\n");
    Console.WriteLine("| seed | v(nobody) | v(all) | client 3, scrambled | client 7, scrambled | client 9, unchanged | the other seven: lowest to highest |");
    Console.WriteLine("|---|---|---|---|---|---|---|");
    for (int seed = 0; seed < runs.Length; seed++)
    {
        JsonElement[] clients = Clients(runs[seed]);
        double[] values = [.. clients.Select(c => Number(c, "value"))];
        double[] sound = [.. values.Where((_, k) => k != Unchanged && !scrambled.Contains(k)).Order()];
        string Of(int k) => $"{Milli(values[k])}{Half(clients[k])}, rank {1 + values.Count(v => v > values[k])}";
        Console.WriteLine($"| {seed} | {Number(runs[seed], "v_empty"):0.0000} | {Number(runs[seed], "v_all"):0.0000} | {Of(3)} | {Of(7)} | {Of(Unchanged)} | {Milli(sound[0])} to {Milli(sound[^1])} |".Replace('-', '−'));
    }

    Console.WriteLine();
}

for (int g = 0; g < games.Length; g++)
{
    Console.WriteLine($"{games[g]} weights, eight clients: the default budget against all coalitions\n");
    Console.WriteLine("| seed | estimator | evaluations: used, planned | operations, % of training: used, planned | Pearson | Spearman | mean absolute error | spread of the exact values | exact values inside the interval | lowest two |");
    Console.WriteLine("|---|---|---|---|---|---|---|---|---|---|");
    JsonElement[] estimates = [.. Read("eight").Select(run => run.GetProperty("rounds")[0].GetProperty("values")[g])], exact = [.. Read("exact").Select(run => run.GetProperty("values")[g])];
    for (int seed = 0; seed < exact.Length; seed++)
    {
        double[] x = Values(exact[seed]), y = Values(estimates[seed]);
        JsonElement e = estimates[seed];
        JsonElement[] both = [.. Read("eight")[seed].GetProperty("rounds")[0].GetProperty("values").EnumerateArray()];
        double training = Number(e, "training_operations");
        string inside = double.IsNaN(Number(Clients(e).First(), "stderr")) ? "–" : Clients(e).Zip(x, (c, value) => Math.Abs(Number(c, "value") - value) <= 1.96 * Number(c, "stderr") ? 1 : 0).Sum() + $" of {x.Length}";
        string low = string.Join(", ", y.Index().OrderBy(v => v.Item).Take(2).Select(v => v.Index).Order());
        Console.WriteLine(
            $"| {seed} | {e.GetProperty("estimator")} | {both.Sum(v => Number(v, "evaluations"))}, {e.GetProperty("planned_evaluations")} "
            + $"| {100 * both.Sum(v => Number(v, "operations")) / training:0.00}, {100 * Number(e, "planned_operations") / training:0.00} | {Pearson(x, y):0.000} | {Pearson(Ranks(x), Ranks(y)):0.000} "
            + $"| {1e3 * x.Zip(y, (a, b) => Math.Abs(a - b)).Average():0.00} | {1e3 * (x.Max() - x.Min()):0.00} | {inside} | {low} |");
    }

    Console.WriteLine();
}

JsonElement[] Read(string name) => [.. Directory.GetFiles(args[0], name + "-?.json").Order(StringComparer.Ordinal).Select(path => JsonDocument.Parse(File.ReadAllBytes(path)).RootElement)];

static JsonElement[] Clients(JsonElement values) => [.. values.GetProperty("clients").EnumerateArray()];

static double[] Values(JsonElement values) => [.. Clients(values).Select(c => Number(c, "value"))];

// First-order values of the renormalised game have no standard error.
static string Half(JsonElement client) => Number(client, "stderr") is var error && double.IsNaN(error) ? "" : $" ± {1.96e3 * error:0.00}";

static double Number(JsonElement element, string member) => element.GetProperty(member) is { ValueKind: JsonValueKind.Number } number ? number.GetDouble() : double.NaN;

static string Milli(double value) => $"{1e3 * value:0.00}";

static double[] Ranks(double[] values) => [.. values.Select(v => (double)values.Count(other => other < v))];

static double Pearson(double[] x, double[] y)
{
    double mx = x.Average(), my = y.Average();
    return x.Zip(y, (a, b) => (a - mx) * (b - my)).Sum() / Math.Sqrt(x.Sum(a => (a - mx) * (a - mx)) * y.Sum(b => (b - my) * (b - my)));
}

static string Show(IEnumerable<double> values, string format) => $"{values.Min().ToString(format, CultureInfo.InvariantCulture)} to {values.Max().ToString(format, CultureInfo.InvariantCulture)}";
