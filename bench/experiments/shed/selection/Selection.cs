#:project ../../../../src/NativeFl
#:property RestorePackagesWithLockFile=false
#:property PublishAot=false
// What a tenth of the records is worth, by how it was chosen, on the model that chose and on another:
//
//   dotnet run -c Release bench/experiments/shed/selection/Selection.cs -- MODEL OTHER TEST.jsonl OUT
//
// For each of five seeds and for a clean and a poisoned pool (a third of the answers has its words in random order) 240 records of TEST.jsonl are the pool, 60 are
// validation and 100 are the test, all drawn anew. 24 records are chosen, by MODEL; MODEL and OTHER are fine-tuned on them. OUT/results.jsonl keeps what is
// measured, and a second run goes on from it. The table goes to stdout.
using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using NativeFl.Data;
using NativeFl.DataRefinement;
using NativeFl.Evaluation;
using NativeFl.Finetuning;
using NativeFl.Models;
using NativeFl.Tensors;
using NativeFl.Tensors.Cpu;
using NativeFl.Tokenization;

CultureInfo.CurrentCulture = CultureInfo.InvariantCulture;
const int Seeds = 5, Pool = 240, Validation = 60, Test = 100, Chosen = 24, Clusters = 60;
if (args is not [string modelFolder, string otherFolder, string testFile, string folder]) return 2;
string results = Path.Combine(Directory.CreateDirectory(folder).FullName, "results.jsonl");
HashSet<string> done = File.Exists(results) ? [.. File.ReadLines(results).Select(line => Key(JsonNode.Parse(line)!))] : [];
var prompt = new PromptOptions { Template = "<|begin_of_text|><|user|>{prompt}<|assistant|>{answer}<|end_of_text|>", MaxLength = 512 };
var lora = new LoraOptions { Rank = 8 };
var training = new TrainingOptions { BatchSize = 8, Epochs = 2, LearningRate = 2e-3, Schedule = LearningRateSchedule.Linear };
using var backend = new CpuBackend();
using Transformer model = Transformer.Load(backend, modelFolder), other = Transformer.Load(backend, otherFolder);
var encoder = new PromptEncoder(Tokenizer.Load(modelFolder), prompt);
IReadOnlyList<DataRecord> records = RecordReader.Read([testFile]);
for (ulong seed = 0; seed < Seeds; seed++)
{
    foreach (bool isPoisoned in new[] { true, false }) Run(seed, isPoisoned);
}

Table();
return 0;

void Run(ulong seed, bool isPoisoned)
{
    string where = isPoisoned ? "poisoned" : "clean";
    if (done.Contains($"{seed}/{where}")) return;
    int[] order = [.. Enumerable.Range(0, records.Count)];
    new Philox(seed, 1).Shuffle<int>(order);
    DataRecord[] pool = [.. order.Take(Pool).Select(i => records[i])];
    var draws = new Philox(seed, 2);
    bool[] isSpoilt = new bool[Pool];
    for (int i = 2; isPoisoned && i < Pool; i += 3)
    {
        string[] words = pool[i].Text("answer").Split(' ');
        draws.Shuffle<string>(words);
        pool[i] = pool[i] with { Fields = new JsonObject { ["question"] = pool[i].Text("question"), ["answer"] = string.Join(' ', words) } };
        isSpoilt[i] = true;
    }

    TokenizedExample[] examples = [.. pool.Select(encoder.Encode)];
    TokenizedExample[] validation = [.. order.Skip(Pool).Take(Validation).Select(i => encoder.Encode(records[i]))];
    TokenizedExample[] test = [.. order.Skip(Pool + Validation).Take(Test).Select(i => encoder.Encode(records[i]))];
    Embeddings embeddings = new HiddenStateEmbedder(model).Embed(examples);
    Clustering clustering = new KMeans(backend, new KMeansOptions { Seed = seed }).Cluster(embeddings, Clusters);
    InRunResult found = new InRunValues(model, [.. clustering.Proxies.Select(p => examples[p])], validation, new InRunOptions { Lora = lora, Training = training, Seed = seed }).Measure();
    double[] values = [.. found.Values.Select(v => v.Value)];
    var recordPool = new RecordPool([.. Enumerable.Range(0, clustering.Count).Select(k => (IReadOnlyList<int>)[.. Enumerable.Range(0, Pool).Where(n => clustering.Labels[n] == k)])]);
    double[] perplexity;
    using (var scorer = new TokenScorer(model)) perplexity = [.. scorer.Losses(examples).Select(own => own.Average(x => (double)x))];
    (string Name, IRecordSelection By)[] methods =
    [
        ("QOCS", new QualityOrderedClusterSampling(values)), ("QWCS, f = 1", new QualityWeightedClusterSampling(values, 1)), ("random", new RandomSelection()),
        ("cluster-balanced random", new BalancedSelection()), ("longest answer", new RankedSelection([.. pool.Select(r => (double)r.Text("answer").Length)])),
        ("lowest perplexity", new RankedSelection([.. perplexity.Select(x => -x)])), ("highest perplexity", new RankedSelection(perplexity)),
    ];
    (string Name, int[] Places)[] arms = [.. methods.Select(m => (m.Name, m.By.Select(recordPool, Chosen, seed).ToArray())), ("all records", [.. Enumerable.Range(0, Pool)])];
    double[] here = Losses(model, arms, examples, test, seed), there = Losses(other, arms, examples, test, seed);
    var json = new JsonObject
    {
        ["seed"] = seed,
        ["pool"] = where,
        ["arms"] = new JsonObject(arms.Select((arm, i) => KeyValuePair.Create(arm.Name, (JsonNode?)new JsonArray(arm.Places.Count(p => isSpoilt[p]) / (double)arm.Places.Length, here[i], there[i])))
            .Append(KeyValuePair.Create("the base as it is", (JsonNode?)new JsonArray(0.0, here[^1], there[^1])))),
    };
    File.AppendAllText(results, json.ToJsonString() + "\n");
    Console.Error.WriteLine(json.ToJsonString());
}

// The held-out loss of the base fine-tuned on each, all side by side, and of the base as it is.
double[] Losses(Transformer on, (string Name, int[] Places)[] arms, TokenizedExample[] examples, TokenizedExample[] test, ulong seed)
{
    AdapterWeights initial = LoraInitialisation.Create(on.Config, lora, seed);
    ClientTask[] tasks = [.. arms.Select(arm => new ClientTask { Id = arm.Name, Seed = seed, Examples = [.. arm.Places.Select(p => examples[p])], Initial = initial, Options = training })];
    IReadOnlyList<ClientUpdate> updates = new AdapterTrainer(on).Train(tasks);
    using var stack = new AdapterStack(on, [.. updates.Select(u => u.Adapter), null], trainable: false);
    using var scorer = new AdapterScorer(on, stack, test.Max(e => e.InputIds.Length));
    return [.. scorer.Losses(test).Select(own => new ClusteredMean(own).Mean)];
}

// Means ± standard errors over seeds; the difference to random is paired by seed.
void Table()
{
    JsonNode[] all = [.. File.ReadLines(results).Select(line => JsonNode.Parse(line)!)];
    foreach (string where in new[] { "poisoned", "clean" })
    {
        JsonNode[] own = [.. all.Where(r => (string)r["pool"]! == where)];
        double[] Of(string arm, int figure) => [.. own.Select(r => (double)r["arms"]![arm]![figure]!)];
        double[] Against(string arm, int figure) => [.. Of(arm, figure).Zip(Of("random", figure), (x, y) => x - y)];
        Console.WriteLine($"\n| {where} pool, {own.Length} seeds | spoilt | loss | less random's | loss on OTHER | less random's |\n|---|---|---|---|---|---|");
        foreach (string arm in own[0]["arms"]!.AsObject().Select(a => a.Key))
            Console.WriteLine($"| {arm} | {100 * Of(arm, 0).Average():0} % | {Show(Of(arm, 1))} | {Show(Against(arm, 1))} | {Show(Of(arm, 2))} | {Show(Against(arm, 2))} |");
    }
}

static string Key(JsonNode result) => $"{(ulong)result["seed"]!}/{(string)result["pool"]!}";

static string Show(double[] all)
{
    double mean = all.Average();
    return all.Length < 2 ? $"{mean:0.0000}" : $"{mean:0.0000} ± {Math.Sqrt(all.Sum(v => (v - mean) * (v - mean)) / (all.Length - 1) / all.Length):0.0000}";
}
