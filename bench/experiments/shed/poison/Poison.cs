#:project ../../../../src/NativeFl
#:property RestorePackagesWithLockFile=false
#:property PublishAot=false
// Whether values tell spoilt records from sound ones, by the area under the ROC curve:
//
//   dotnet run -c Release bench/experiments/shed/poison/Poison.cs -- MODEL TEST.jsonl OUT
//
// OUT gets what was found for every record, and the values of coalitions: a run that is stopped goes on where it was. The tables go to stdout.
using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using NativeFl.Data;
using NativeFl.DataRefinement;
using NativeFl.Finetuning;
using NativeFl.Models;
using NativeFl.Tensors;
using NativeFl.Tensors.Cpu;
using NativeFl.Tokenization;
using NativeFl.Valuation;

CultureInfo.CurrentCulture = CultureInfo.InvariantCulture;
if (args is not [string modelFolder, string testFile, string folder])
{
    Console.Error.WriteLine("expected MODEL TEST.jsonl OUT");
    return 2;
}

Directory.CreateDirectory(folder);
string[] kinds = ["scrambled", "copied", "exchanged"];
ulong[] seeds = [1, 2, 3, 4, 5], gameSeeds = [1, 2, 3];
const int Budget = 25;
const string Filter = "record loss (a perplexity filter)";
using var backend = new CpuBackend();
using Transformer model = Transformer.Load(backend, modelFolder);
Tokenizer tokenizer = Tokenizer.Load(modelFolder);
var prompt = new PromptOptions { Template = "<|begin_of_text|><|user|>{prompt}<|assistant|>{answer}<|end_of_text|>" };
IReadOnlyList<DataRecord> test = RecordReader.Read([testFile]);

// One setting for every kind and seed. The order of the data, the adapter's start and the choice of records follow the seed.
var training = new TrainingOptions { BatchSize = 8, Epochs = 2, LearningRate = 1e-3 };
var game = new TrainingOptions { BatchSize = 2, Epochs = 1, LearningRate = 3e-3 };
var lora = new LoraOptions { Rank = 8 };
var inRun = new InRunOptions { Lora = lora, Training = training, Normalised = true, ValidationEvery = 5, ValidationBlocks = 4 };
var estimators = new (string Name, Func<int, ulong, IValueEstimator> Make)[]
{
    ("permutation", (n, seed) => PermutationShapley.WithBudget(n, Budget, seed)),
    ("permutation-as-released", (n, seed) => PermutationAsReleased.WithBudget(n, Budget, seed)),
    ("antithetic", (n, seed) => AntitheticShapley.WithBudget(n, Budget, seed)),
    ("truncated", (n, seed) => new TruncatedShapley(n, Budget, 0.01, seed)),
    ("stratified", (n, seed) => new StratifiedShapley(n, StratifiedShapley.DefaultStrata, 1, seed)),
    ("kernel-shap", (n, seed) => new KernelShap(n, Budget, seed)),
    ("banzhaf", (n, seed) => new BanzhafSampling(n, Budget, seed)),
    ("leave-one-out", (n, _) => new LeaveOneOut(n)),
};

var areas = new Dictionary<(string Method, string Kind), List<double>>();
foreach (ulong seed in seeds)
{
    foreach (string kind in kinds) Records(kind, seed);
}

Console.WriteLine("150 records, 50 of them spoilt, each valued by itself:\n");
Write(["in-run", Filter]);
areas.Clear();
foreach (ulong seed in gameSeeds)
{
    foreach (string kind in kinds) Groups(kind, seed);
}

Console.WriteLine("\n12 groups of 2 records, 4 of them spoilt:\n");
Write([.. estimators.Select(e => e.Name), "in-run", Filter]);
return 0;

// Every record of 150 by itself.
void Records(string kind, ulong seed)
{
    string path = Path.Combine(folder, $"in-run-{kind}-{seed}.json");
    if (!File.Exists(path))
    {
        var (records, spoilt, validation) = Spoil(kind, seed, 150, 32);
        InRunResult result = new InRunValues(model, records, validation, inRun with { Seed = seed }).Measure();
        double[] losses = Losses(records);
        var found = new JsonArray([.. records.Select((r, i) => (JsonNode)new JsonObject
        {
            ["id"] = r.Id, ["spoilt"] = spoilt[i], ["value"] = result.Values[i].Value, ["stderr"] = result.Values[i].StandardError, ["loss"] = losses[i],
        })]);
        File.WriteAllText(path, new JsonObject { ["before"] = result.Before, ["after"] = result.After, ["records"] = found }.ToJsonString());
        Console.Error.WriteLine($"{path}: {Percent(Area([.. result.Values.Select(v => v.Value)], spoilt))}");
    }

    JsonElement[] all = [.. JsonDocument.Parse(File.ReadAllBytes(path)).RootElement.GetProperty("records").EnumerateArray()];
    bool[] bad = [.. all.Select(r => r.GetProperty("spoilt").GetBoolean())];
    Note("in-run", kind, [.. all.Select(r => r.GetProperty("value").GetDouble())], bad);
    Note(Filter, kind, [.. all.Select(r => -r.GetProperty("loss").GetDouble())], bad);
}

// Groups of two, all spoilt or all sound; one table of v(S) serves every estimator.
void Groups(string kind, ulong seed)
{
    const int size = 2;
    var (records, spoilt, validation) = Spoil(kind, seed, 24, 16);
    TokenizedExample[][] groups = [.. records.Chunk(size)];
    bool[] bad = [.. spoilt.Chunk(size).Select(group => group[0])];
    var options = new FineTuningGameOptions { Lora = lora, Training = game, Seed = seed, AtOnce = 8 };
    string place = Path.Combine(folder, $"game-{kind}-{seed}");
    Directory.CreateDirectory(place);
    using CoalitionValuesFile file = CoalitionValuesFile.Open(place, groups.Length, Dataset.Hash([.. records, .. validation]) + game + lora + seed);
    var valuer = new Valuer(new FineTuningGame(model, groups, validation, options), file.Values, file.Append);
    foreach (var (name, make) in estimators)
        Note(name, kind, [.. valuer.Estimate(make(groups.Length, seed)).Select(v => v.Value)], bad);
    InRunResult result = new InRunValues(model, records, validation, inRun with { Seed = seed }).Measure();
    Note("in-run", kind, [.. result.Values.Chunk(size).Select(group => group.Sum(v => v.Value))], bad);
    Note(Filter, kind, [.. Losses(records).Chunk(size).Select(group => -group.Average())], bad);
    Console.Error.WriteLine($"{place}: {file.Values.Count} coalitions");
}

// The first third is spoilt; validation records and whose answer is copied are others.
(TokenizedExample[] Records, bool[] Spoilt, TokenizedExample[] Validation) Spoil(string kind, ulong seed, int count, int validation)
{
    int[] order = [.. Enumerable.Range(0, test.Count)];
    new Philox(seed, 77).Shuffle<int>(order);
    var draws = new Philox(seed, 78);
    string[] answers = [.. order.Take(count).Select(i => test[i].Text("answer"))];
    int third = count / 3;
    string[] own = answers[..third];
    for (int i = 0; i < third; i++)
    {
        answers[i] = kind switch
        {
            "scrambled" => Scramble(own[i], ref draws),
            "copied" => test[order[count + validation]].Text("answer"),
            _ => own[(i + 1) % third],
        };
    }

    DataRecord[] spoilt = [.. answers.Select((answer, i) => test[order[i]] with { Fields = Pair(test[order[i]].Text("question"), answer) })];
    return (Tokens(spoilt), [.. answers.Select((_, i) => i < third)], Tokens([.. order.Skip(count).Take(validation).Select(i => test[i])]));
}

TokenizedExample[] Tokens(IReadOnlyList<DataRecord> records) => [.. Dataset.Tokenize(records, tokenizer, prompt, model.Config.VocabularySize)];

double[] Losses(IReadOnlyList<TokenizedExample> records)
{
    using var scorer = new TokenScorer(model);
    return [.. scorer.Losses(records).Select(own => own.Average(v => (double)v))];
}

void Note(string method, string kind, double[] values, bool[] spoilt)
{
    if (!areas.TryGetValue((method, kind), out List<double>? list)) areas.Add((method, kind), list = []);
    list.Add(Area(values, spoilt));
}

void Write(string[] methods)
{
    Console.WriteLine($"| | {string.Join(" | ", kinds)} |\n|---|{string.Concat(kinds.Select(_ => "---|"))}");
    foreach (string method in methods) Console.WriteLine($"| {method} | {string.Join(" | ", kinds.Select(kind => Show(areas[(method, kind)])))} |");
}

// The words change places, the white space between them stays.
static string Scramble(string text, ref Philox draws)
{
    string[] words = [.. Regex.Matches(text, @"\S+").Select(match => match.Value)];
    draws.Shuffle<string>(words);
    int next = 0;
    return Regex.Replace(text, @"\S+", _ => words[next++]);
}

static JsonObject Pair(string question, string answer) => new() { ["question"] = question, ["answer"] = answer };

// How often a sound one is worth more than a spoilt one.
static double Area(double[] values, bool[] spoilt)
{
    double won = 0;
    int pairs = 0;
    for (int i = 0; i < values.Length; i++)
    {
        for (int j = 0; j < values.Length; j++)
        {
            if (spoilt[i] || !spoilt[j]) continue;
            won += values[i] > values[j] ? 1 : values[i] == values[j] ? 0.5 : 0;
            pairs++;
        }
    }

    return won / pairs;
}

static string Percent(double area) => $"{area:0.000}";

// Mean ± standard error over seeds, and the lowest.
static string Show(List<double> all)
{
    double mean = all.Average();
    return $"{mean:0.000} ± {Math.Sqrt(all.Sum(v => (v - mean) * (v - mean)) / (all.Count - 1) / all.Count):0.000} (≥ {all.Min():0.000})";
}
