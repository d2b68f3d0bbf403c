#:project ../../../../src/NativeFl
#:property RestorePackagesWithLockFile=false
#:property PublishAot=false
// How many fine-tunings each estimator needs to rank the players as their exact values do, from tables in which every coalition was measured:
//
//   dotnet run -c Release bench/experiments/shed/cost/Cost.cs -- TABLE…
//
// Each TABLE is a folder that `refine value --estimator exact` has written. Every estimator is replayed with 200 seeds on every table; a row is the
// smallest budget at which the mean of Spearman's correlation reaches 0.9.
using System.Globalization;
using System.Text.Json;
using NativeFl.Tensors;
using NativeFl.Valuation;

CultureInfo.CurrentCulture = CultureInfo.InvariantCulture;
const int Seeds = 200, MostReleased = 4000;
(CoalitionValues Values, double[] Exact)[] tables = [.. args.Select(Read)];
Console.WriteLine("| estimator | fine-tunings | of the chains' | correlation there | with 20 | with 60 | with 200 |");
Console.WriteLine("|---|---|---|---|---|---|---|");
(double Reached, double Correlation, double[] At) chains = Chain(null);
Row("as released: removal chains, v(∅) = 0, nothing stored", Chain(0));
Row("chains, the same with v(∅) measured", chains);
foreach (EstimatorKind kind in EstimatorKind.All.Where(k => k.Caution is null && k.Name is not ("exact" or "leave-one-out"))) Row(kind.Name, Replay(kind));
double[] alone = [.. tables.Select(t => Spearman(Shapley(new LeaveOneOut(t.Values.Players), t.Values), t.Exact))];
Console.WriteLine($"| leave-one-out | {tables[0].Values.Players + 1} | | {alone.Average():0.00} | | | |");

void Row(string name, (double Reached, double Correlation, double[] At) found)
{
    string cost = double.IsFinite(found.Reached)
        ? $"{found.Reached:0} | {100 * found.Reached / chains.Reached:0} % | {found.Correlation:0.00}"
        : "not reached | | ";
    Console.WriteLine($"| {name} | {cost} | {string.Join(" | ", found.At.Select(c => double.IsNaN(c) ? "–" : $"{c:0.00}"))} |");
}

// Mean correlation over tables and seeds, budget by budget, against the fine-tunings that were really made.
(double Reached, double Correlation, double[] At) Replay(EstimatorKind kind)
{
    int players = tables[0].Values.Players, step = kind.Name is "banzhaf" or "kernel-shap" ? 2 : kind.Least(players) - 1;
    int most = kind.Most(players) ?? 1000;
    double[] at = [double.NaN, double.NaN, double.NaN];
    (double Reached, double Correlation) first = (double.PositiveInfinity, 0);
    for (int budget = kind.Least(players); budget <= most; budget += step)
    {
        double correlation = 0, made = 0;
        foreach (var (values, exact) in tables)
        {
            for (ulong seed = 0; seed < Seeds; seed++)
            {
                IValueEstimator estimator = kind.Make(players, budget, 0.01, seed);
                made += Made(estimator, values);
                correlation += Spearman([.. estimator.Estimate(values).Select(v => v.Value)], exact);
            }
        }

        (correlation, made) = (correlation / (tables.Length * Seeds), made / (tables.Length * Seeds));
        for (int i = 0; i < at.Length; i++)
        {
            if (made <= new[] { 20, 60, 200 }[i]) at[i] = correlation;
        }

        if (correlation >= 0.9 && double.IsInfinity(first.Reached)) first = (made, correlation);
        if (made > 200 && double.IsFinite(first.Reached)) break;
    }

    return (first.Reached, first.Correlation, at);
}

// The coalitions that an estimator really asks for, each once.
static int Made(IValueEstimator estimator, CoalitionValues all)
{
    var own = new CoalitionValues(estimator.Players);
    while (estimator.Next(own) is { Count: > 0 } wanted)
    {
        foreach (Coalition coalition in wanted) own.Add(coalition, all[coalition]);
    }

    return own.Count - (own.Has(Coalition.None(estimator.Players)) ? 1 : 0);
}

// As the paper's code has it: from all players, one after another goes; each is credited with what its going costs, the last with v minus v(∅).
(double Reached, double Correlation, double[] At) Chain(double? nothing)
{
    int players = tables[0].Values.Players;
    var correlations = new double[MostReleased];
    foreach (var (values, exact) in tables)
    {
        for (ulong seed = 0; seed < Seeds; seed++)
        {
            var sums = new double[players];
            int[] order = [.. Enumerable.Range(0, players)];
            var draws = new Philox(seed, 77);
            for (int m = 0; m < MostReleased; m++)
            {
                draws.Shuffle<int>(order);
                Coalition left = Coalition.All(players);
                foreach (int player in order)
                {
                    Coalition without = left.Without(player);
                    sums[player] += values[left]!.Value - (without.Count == 0 ? nothing ?? values[without]!.Value : values[without]!.Value);
                    left = without;
                }

                correlations[m] += Spearman(sums, exact) / (tables.Length * Seeds);
            }
        }
    }

    int reached = Array.FindIndex(correlations, c => c >= 0.9);
    double At(int fineTunings) => correlations[Math.Max(0, (fineTunings / players) - 1)];
    return (reached < 0 ? double.PositiveInfinity : (reached + 1) * players, reached < 0 ? 0 : correlations[reached], [At(20), At(60), At(200)]);
}

static (CoalitionValues Values, double[] Exact) Read(string folder)
{
    using JsonDocument header = JsonDocument.Parse(File.ReadLines(Path.Combine(folder, CoalitionValuesFile.FileName)).First());
    int players = header.RootElement.GetProperty("players").GetInt32();
    using var file = CoalitionValuesFile.Open(folder, players, header.RootElement.GetProperty("game").GetString()!);
    return (file.Values, Shapley(new ExactShapley(players), file.Values));
}

static double[] Shapley(IValueEstimator estimator, CoalitionValues values) => [.. estimator.Estimate(values).Select(v => v.Value)];

static double Spearman(double[] x, double[] y)
{
    double[] a = Ranks(x), b = Ranks(y);
    double middle = (a.Length - 1) / 2.0, ab = 0, aa = 0, bb = 0;
    for (int i = 0; i < a.Length; i++)
    {
        ab += (a[i] - middle) * (b[i] - middle);
        aa += (a[i] - middle) * (a[i] - middle);
        bb += (b[i] - middle) * (b[i] - middle);
    }

    return aa == 0 ? 0 : ab / Math.Sqrt(aa * bb);
}

// Equal values share the mean of their ranks.
static double[] Ranks(double[] x) => [.. x.Select(v => x.Count(w => w < v) + ((x.Count(w => w == v) - 1) / 2.0))];
