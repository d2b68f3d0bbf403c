#:project ../../../src/NativeFl
#:property RestorePackagesWithLockFile=false
#:property PublishAot=false
// What every granularity and every method costs, for every count, and which differences are more than chance:
//
//   dotnet run -c Release bench/experiments/llm-drop/Curves.cs -- MODEL TEST.jsonl C4.json OUT
//
// The first 128 records of TEST.jsonl and 24 samples of C4.json calibrate; 250 records of the second half of TEST.jsonl evaluate. OUT gets curves.csv, the charts, and measured.jsonl: what has been
// measured by record, from which a second run goes on. The tables go to stdout.
using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using NativeFl.Data;
using NativeFl.Evaluation;
using NativeFl.LayerDropping;
using NativeFl.Models;
using NativeFl.Reports;
using NativeFl.Tensors.Cpu;
using NativeFl.Tokenization;

CultureInfo.CurrentCulture = CultureInfo.InvariantCulture;
if (args is not [string modelFolder, string testFile, string c4File, string folder])
{
    Console.Error.WriteLine("expected MODEL TEST.jsonl C4.json OUT");
    return 2;
}

Directory.CreateDirectory(folder);
using var backend = new CpuBackend();
using Transformer model = Transformer.Load(backend, modelFolder);
Tokenizer tokenizer = Tokenizer.Load(modelFolder);
var questions = new PromptOptions { Template = "<|begin_of_text|><|user|>{prompt}<|assistant|>{answer}<|end_of_text|>" };
IReadOnlyList<DataRecord> tests = RecordReader.Read([testFile]), texts = RecordReader.Read([c4File]);
int half = (tests.Count + 1) / 2;
TextSet[] calibrations = [Read("gsm8k", tests.Take(half), questions, 128), Read("c4", texts, new PromptOptions(), 24)];
TextSet heldOut = Read("gsm8k, held out", tests.Skip(half), questions, 250);
foreach (TextSet set in (TextSet[])[.. calibrations, heldOut])
    Console.WriteLine($"- {set.Name}: {set.Examples.Count} samples, {set.Counts.Sum()} counted tokens, {set.Examples.Sum(e => (long)e.InputIds.Length)} in all");

using var measurements = new Measurements(model, Path.Combine(folder, "measured.jsonl"));
Curve[] curves = [.. Curve.All(calibrations).Select(curve => curve with { Steps = measurements.Choose(curve) })];
WritePoints();
foreach (Granularity granularity in Enum.GetValues<Granularity>()) WriteIncreases(granularity);
WriteGreedy();
WriteOrdering();
WriteMatched();
WriteChoices();
foreach (Granularity granularity in Enum.GetValues<Granularity>()) DrawMethods(granularity);
DrawGranularities();
return 0;

TextSet Read(string name, IEnumerable<DataRecord> records, PromptOptions options, int samples) =>
    new(name, Calibration.Load([.. records], tokenizer, options, model.Config.VocabularySize, samples, model.Config.MaxPositions, name));

// How far the held-out loss is above the whole model's, paired by record.
ClusteredMean Increase(Curve curve, int count) => measurements.Difference(heldOut, curve.At(count), DroppedSublayers.None);

Curve Find(Granularity granularity, DropMethod method, TextSet? calibration) =>
    curves.Single(c => c.Granularity == granularity && c.Method == method && c.Calibration == calibration);

Curve[] Seeds(Granularity granularity) => [.. curves.Where(c => c.Granularity == granularity && c.Method == DropMethod.Random)];

// Weights of the dropped sublayers as a share of all sublayers' weights.
double Share(DroppedSublayers dropped)
{
    ModelConfig c = model.Config;
    double attention = 2.0 * c.HiddenSize * c.HeadWidth * (c.Heads + c.KvHeads), mlp = 3.0 * c.HiddenSize * c.IntermediateSize;
    return dropped.Sublayers.Sum(s => s.Kind == SublayerKind.Attention ? attention : mlp) / (c.LayerCount * (attention + mlp));
}

void WritePoints()
{
    using var file = new StreamWriter(Path.Combine(folder, "curves.csv")) { NewLine = "\n" };
    file.WriteLine("granularity,method,calibration,seed,count,dropped,share_of_weights,calibration_loss,calibration_se,loss,se,increase,increase_se");
    foreach (Curve curve in curves)
    {
        Console.Error.WriteLine(curve);
        for (int count = 0; count <= curve.Steps.Count; count++)
        {
            DroppedSublayers dropped = curve.At(count);
            string calibration = curve.Calibration is { } set ? Csv(measurements.Loss(set, dropped)) : ",";
            string names = string.Join(' ', dropped.Sublayers.Select(s => (s.Kind == SublayerKind.Attention ? "a" : "m") + s.Layer));
            file.WriteLine(
                $"{curve.Granularity},{curve.Method},{curve.Calibration?.Name},{(curve.Method == DropMethod.Random ? curve.Seed : "")},{count},{names},{Share(dropped):0.0000},{calibration},"
                + $"{Csv(measurements.Loss(heldOut, dropped))},{Csv(Increase(curve, count))}");
        }
    }
}

void WriteIncreases(Granularity granularity)
{
    Console.WriteLine($"\n### {granularity}: rise of the held-out GSM8K loss above {Show(measurements.Loss(heldOut, DroppedSublayers.None))}\n");
    Console.WriteLine("| dropped | similarity, GSM8K | similarity, C4 | greedy, GSM8K | greedy, C4 | random, 5 seeds | first | last |");
    Console.WriteLine("|---|---|---|---|---|---|---|---|");
    Curve[] columns = [.. Columns(granularity)];
    for (int count = 1; count <= columns[0].Steps.Count; count++)
    {
        string random = Show(Mean([.. Seeds(granularity).Select(c => Increase(c, count).Mean)]));
        string[] cells = [.. columns.Select(c => Show(Increase(c, count)))];
        Console.WriteLine($"| {count} | {string.Join(" | ", cells[..4])} | {random} | {string.Join(" | ", cells[4..])} |");
    }
}

IEnumerable<Curve> Columns(Granularity granularity) =>
[
    Find(granularity, DropMethod.Similarity, calibrations[0]), Find(granularity, DropMethod.Similarity, calibrations[1]),
    Find(granularity, DropMethod.Greedy, calibrations[0]), Find(granularity, DropMethod.Greedy, calibrations[1]),
    Find(granularity, DropMethod.First, null), Find(granularity, DropMethod.Last, null),
];

void WriteGreedy()
{
    Console.WriteLine("\n### greedy − similarity, the same calibration set\n\n| calibration | what | dropped | calibration loss | held-out GSM8K loss |\n|---|---|---|---|---|");
    foreach (TextSet set in calibrations)
    {
        foreach (Granularity granularity in Enum.GetValues<Granularity>())
        {
            Curve greedy = Find(granularity, DropMethod.Greedy, set), similarity = Find(granularity, DropMethod.Similarity, set);
            for (int count = 1; count <= greedy.Steps.Count; count++)
            {
                DroppedSublayers a = greedy.At(count), b = similarity.At(count);
                string cells = a.Equals(b) ? "same | same" : string.Join(" | ", ((TextSet[])[set, heldOut]).Select(s => Show(measurements.Difference(s, a, b))));
                Console.WriteLine($"| {set.Name} | {granularity} | {count} | {cells} |");
            }
        }
    }
}

void WriteOrdering()
{
    foreach (DropMethod method in (DropMethod[])[DropMethod.Similarity, DropMethod.Greedy])
    {
        foreach (TextSet set in calibrations)
        {
            Console.WriteLine($"\n### as many of each, by {method} on {set.Name}: held-out GSM8K loss\n\n| dropped | MLP − attention | block − attention | block − MLP |\n|---|---|---|---|");
            Curve attention = Find(Granularity.Attention, method, set), mlp = Find(Granularity.Mlp, method, set), block = Find(Granularity.Block, method, set);
            for (int count = 1; count <= attention.Steps.Count; count++)
                Console.WriteLine($"| {count} | {Between(mlp, count, attention, count)} | {Between(block, count, attention, count)} | {Between(block, count, mlp, count)} |");
        }
    }
}

// An MLP has the weights of three attention sublayers, and a block those of four.
void WriteMatched()
{
    Console.WriteLine("\n### equal weights dropped: held-out GSM8K loss\n\n| by | 1 MLP − 3 attention | 2 MLP − 6 attention | 1 block − 4 attention | 3 blocks − 4 MLP |\n|---|---|---|---|---|");
    foreach (DropMethod method in (DropMethod[])[DropMethod.Similarity, DropMethod.Greedy])
    {
        foreach (TextSet set in calibrations)
        {
            Curve attention = Find(Granularity.Attention, method, set), mlp = Find(Granularity.Mlp, method, set), block = Find(Granularity.Block, method, set);
            Console.WriteLine(
                $"| {method}, {set.Name} | {Between(mlp, 1, attention, 3)} | {Between(mlp, 2, attention, 6)} | {Between(block, 1, attention, 4)} | {Between(block, 3, mlp, 4)} |");
        }
    }
}

string Between(Curve a, int countA, Curve b, int countB) => Show(measurements.Difference(heldOut, a.At(countA), b.At(countB)));

void WriteChoices()
{
    Console.WriteLine("\n### what goes, in order\n");
    foreach (Curve curve in curves.Where(c => c.Calibration is not null))
        Console.WriteLine($"- {curve}: {string.Join(", ", curve.Steps.Select(step => curve.Granularity == Granularity.Block ? $"{step[0].Layer}" : string.Join('+', step)))}");
}

void DrawMethods(Granularity granularity)
{
    string[] names = ["similarity, GSM8K", "similarity, C4", "greedy, GSM8K", "greedy, C4", "first", "last"];
    PlotSeries[] series = [.. Columns(granularity).Select((curve, i) => Line(names[i], curve, count => count, count => Error(Increase(curve, count))))];
    Curve[] seeds = Seeds(granularity);
    PlotSeries random = Line("random", seeds[0], count => count, count => Mean([.. seeds.Select(c => Increase(c, count).Mean)]));
    Draw(granularity.ToString().ToLowerInvariant(), $"{(granularity == Granularity.Mlp ? "MLP" : granularity.ToString())}: dropped by each method", "how many", true, [.. series, random]);
}

void DrawGranularities()
{
    PlotSeries[] series =
    [
        .. Enum.GetValues<Granularity>().SelectMany(granularity => ((DropMethod[])[DropMethod.Greedy, DropMethod.Similarity]).Select(method =>
        {
            Curve curve = Find(granularity, method, calibrations[0]);
            return Line($"{granularity}, {method}".ToLowerInvariant(), curve, count => 100 * Share(curve.At(count)), count => Error(Increase(curve, count)));
        })),
    ];
    Draw("weights", "What goes, by how much of the model it is", "% of the sublayers' weights dropped", false, series);
}

// Points far above are left out, or the others could not be told apart.
PlotSeries Line(string name, Curve curve, Func<int, double> x, Func<int, (double Mean, double Error)> y)
{
    const double Highest = 2;
    int[] counts = [.. Enumerable.Range(0, curve.Steps.Count + 1)];
    (double Mean, double Error)[] points = [.. counts.Select(y).Select(p => p.Mean > Highest ? (double.NaN, double.NaN) : p)];
    return new PlotSeries(name, [.. counts.Select(x)], [.. points.Select(p => p.Mean)]) { Errors = [.. points.Select(p => p.Error)] };
}

void Draw(string name, string title, string xLabel, bool isWhole, PlotSeries[] series)
{
    string svg = new LineChart { Title = title, XLabel = xLabel, YLabel = "rise of the held-out GSM8K loss", HasWholeX = isWhole, Series = series }.ToSvg();
    int end = svg.IndexOf('>', StringComparison.Ordinal);
    File.WriteAllText(
        Path.Combine(folder, name + ".svg"),
        svg[..end].Replace("<svg ", "<svg xmlns=\"http://www.w3.org/2000/svg\" ", StringComparison.Ordinal) + "><rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>" + svg[(end + 1)..] + "\n");
}

static (double Mean, double Error) Error(ClusteredMean mean) => (mean.Mean, mean.StandardError ?? double.NaN);

static (double Mean, double Error) Mean(double[] values)
{
    double mean = values.Average();
    return (mean, Math.Sqrt(values.Sum(v => (v - mean) * (v - mean)) / (values.Length - 1) / values.Length));
}

static string Show(object value)
{
    (double mean, double error) = value is ClusteredMean clustered ? Error(clustered) : ((double, double))value;
    return $"{mean:0.0000} ± {error:0.0000}".Replace('-', '−');
}

static string Csv(ClusteredMean mean) => $"{mean.Mean:0.00000},{mean.StandardError:0.00000}";

/// <summary>Samples, and how many tokens of each count.</summary>
internal sealed record TextSet(string Name, IReadOnlyList<TokenizedExample> Examples)
{
    public int[] Counts { get; } = [.. Examples.Select(e => e.CountedTokens)];
}

/// <summary>One way to choose, and what it chose: the first so many steps are its choice of so many.</summary>
internal sealed record Curve(Granularity Granularity, DropMethod Method, TextSet? Calibration, ulong Seed)
{
    public IReadOnlyList<IReadOnlyList<Sublayer>> Steps { get; init; } = [];

    public static IEnumerable<Curve> All(TextSet[] calibrations)
    {
        foreach (Granularity granularity in Enum.GetValues<Granularity>())
        {
            foreach (TextSet set in calibrations)
            {
                yield return new Curve(granularity, DropMethod.Similarity, set, 0);
                yield return new Curve(granularity, DropMethod.Greedy, set, 0);
            }

            for (ulong seed = 0; seed < 5; seed++) yield return new Curve(granularity, DropMethod.Random, null, seed);
            yield return new Curve(granularity, DropMethod.First, null, 0);
            yield return new Curve(granularity, DropMethod.Last, null, 0);
        }
    }

    public DroppedSublayers At(int count) => new(Steps.Take(count).SelectMany(step => step));

    public override string ToString() => $"{Granularity} by {Method}" + (Calibration is null ? Method == DropMethod.Random ? $" {Seed}" : "" : $" on {Calibration.Name}");
}

/// <summary>Losses by record and choices, each measured once and kept in a file.</summary>
internal sealed class Measurements : IDisposable
{
    private readonly Transformer _model;
    private readonly Dictionary<string, string> _known = [];
    private readonly StreamWriter _file;

    public Measurements(Transformer model, string path)
    {
        _model = model;
        foreach (string line in File.Exists(path) ? File.ReadAllLines(path) : [])
        {
            JsonNode entry = JsonNode.Parse(line)!;
            _known[(string)entry["key"]!] = (string)entry["value"]!;
        }

        _file = new StreamWriter(path, append: true) { AutoFlush = true, NewLine = "\n" };
    }

    public ClusteredMean Loss(TextSet set, DroppedSublayers dropped) => new(Sums(set, dropped).Zip(set.Counts));

    public ClusteredMean Difference(TextSet set, DroppedSublayers a, DroppedSublayers b) =>
        new(Sums(set, a).Zip(Sums(set, b), (x, y) => x - y).Zip(set.Counts));

    public IReadOnlyList<IReadOnlyList<Sublayer>> Choose(Curve curve)
    {
        int candidates = LayerDropper.Candidates(_model.Config, curve.Granularity).Count;
        var request = new DropRequest
        {
            Granularity = curve.Granularity, Method = curve.Method, Seed = curve.Seed, Count = curve.Granularity == Granularity.Mlp ? candidates : candidates - 1,
        };
        string chosen = Once($"{curve}", () =>
        {
            DropChoice choice = new LayerDropper(_model, curve.Calibration?.Examples ?? []).Choose(request);
            return string.Join(';', choice.Steps.Select(step => string.Join('+', step.Sublayers.Select(s => s.Index))));
        });
        Sublayer[] all = [.. Sublayer.All(_model.Config.LayerCount)];
        return [.. chosen.Split(';').Select(step => (IReadOnlyList<Sublayer>)[.. step.Split('+').Select(i => all[int.Parse(i, CultureInfo.InvariantCulture)])])];
    }

    public void Dispose() => _file.Dispose();

    private double[] Sums(TextSet set, DroppedSublayers dropped) =>
        JsonSerializer.Deserialize<double[]>(Once($"{set.Name}: {dropped}", () =>
        {
            using Transformer without = _model.Without(dropped);
            using var scorer = new TokenScorer(without);
            return JsonSerializer.Serialize(scorer.Losses(set.Examples).Select(losses => losses.Sum(loss => (double)loss)));
        }))!;

    private string Once(string key, Func<string> measure)
    {
        if (_known.TryGetValue(key, out string? known)) return known;
        string value = _known[key] = measure();
        _file.WriteLine(new JsonObject { ["key"] = key, ["value"] = value }.ToJsonString());
        return value;
    }
}
