#:project ../../../../src/NativeFl
#:property RestorePackagesWithLockFile=false
#:property PublishAot=false
// What a tenth and a quarter of the records are worth, by how they were chosen, on the model that chose and on another:
//
//   dotnet run -c Release bench/experiments/shed/selection/Selection.cs -- MODEL OTHER TEST.jsonl OUT
//
// For each of five seeds and for a clean and a poisoned pool (a third of the answers has its words in random order) 240 records of TEST.jsonl are the pool, 60 are
// validation and 100 are the test, all drawn anew. 24 and 60 records are chosen, by MODEL; MODEL and OTHER are fine-tuned on them. OUT/results.jsonl keeps what is
// measured, by arm the share of spoilt records and the losses on MODEL and OTHER, and a second run measures the arms that are not there yet. The tables go to stdout.
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
const int Seeds = 5, Pool = 240, Validation = 60, Test = 100, Clusters = 60;
const string Base = "the base as it is", All = "all records";
(int Count, string Suffix)[] sizes = [(24, ""), (60, ", a quarter")];
string[] names = ["QOCS", "QWCS, f = 1", "QOCS, normalised", "QWCS, f = 1, normalised", "random", "cluster-balanced random", "longest answer", "lowest perplexity", "highest perplexity"];
if (args is not [string modelFolder, string otherFolder, string testFile, string folder]) return 2;
string results = Path.Combine(Directory.CreateDirectory(folder).FullName, "results.jsonl");
HashSet<string> done = File.Exists(results) ? [.. File.ReadLines(results).Select(line => JsonNode.Parse(line)!).SelectMany(r => r["arms"]!.AsObject().Select(arm => Key(r, arm.Key)))] : [];
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

Tables();
return 0;

void Run(ulong seed, bool isPoisoned)
{
    string where = isPoisoned ? "poisoned" : "clean";
    if (sizes.SelectMany(size => names.Select(name => name + size.Suffix)).Append(All).Append(Base).All(arm => done.Contains($"{seed}/{where}/{arm}"))) return;
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
    var inRun = new InRunOptions { Lora = lora, Training = training, Seed = seed };
    double[] Values(InRunOptions options) => [.. new InRunValues(model, [.. clustering.Proxies.Select(p => examples[p])], validation, options).Measure().Values.Select(v => v.Value)];
    double[] values = Values(inRun), normalised = Values(inRun with { Normalised = true });
    var recordPool = new RecordPool([.. Enumerable.Range(0, clustering.Count).Select(k => (IReadOnlyList<int>)[.. Enumerable.Range(0, Pool).Where(n => clustering.Labels[n] == k)])]);
    double[] perplexity;
    using (var scorer = new TokenScorer(model)) perplexity = [.. scorer.Losses(examples).Select(own => own.Average(x => (double)x))];
    IRecordSelection[] methods =
    [
        new QualityOrderedClusterSampling(values), new QualityWeightedClusterSampling(values, 1),
        new QualityOrderedClusterSampling(normalised), new QualityWeightedClusterSampling(normalised, 1),
        new RandomSelection(), new BalancedSelection(), new RankedSelection([.. pool.Select(r => (double)r.Text("answer").Length)]),
        new RankedSelection([.. perplexity.Select(x => -x)]), new RankedSelection(perplexity),
    ];
    (string Name, int[] Places)[] arms =
    [
        .. sizes.SelectMany(size => names.Zip(methods, (name, by) => (name + size.Suffix, by.Select(recordPool, size.Count, seed).ToArray()))),
        (All, [.. Enumerable.Range(0, Pool)]), (Base, []),
    ];
    arms = [.. arms.Where(arm => !done.Contains($"{seed}/{where}/{arm.Name}"))];
    double[] here = Losses(model, arms, examples, test, seed), there = Losses(other, arms, examples, test, seed);
    var json = new JsonObject
    {
        ["seed"] = seed,
        ["pool"] = where,
        ["arms"] = new JsonObject(arms.Select((arm, i) => KeyValuePair.Create(
            arm.Name, (JsonNode?)new JsonArray(arm.Places.Count(p => isSpoilt[p]) / (double)Math.Max(1, arm.Places.Length), here[i], there[i])))),
    };
    if (isPoisoned) json["areas"] = new JsonArray(Area(values), Area(normalised));
    File.AppendAllText(results, json.ToJsonString() + "\n");
    Console.Error.WriteLine(json.ToJsonString());

    // How often a sound proxy is worth more than a spoilt one.
    double Area(double[] of)
    {
        double[] sound = [.. of.Where((_, k) => !isSpoilt[clustering.Proxies[k]])], spoilt = [.. of.Where((_, k) => isSpoilt[clustering.Proxies[k]])];
        return sound.Average(x => spoilt.Average(y => x > y ? 1 : x == y ? 0.5 : 0));
    }
}

// The held-out loss of the base fine-tuned on each, all side by side; on no records it is the base as it is.
double[] Losses(Transformer on, (string Name, int[] Places)[] arms, TokenizedExample[] examples, TokenizedExample[] test, ulong seed)
{
    AdapterWeights initial = LoraInitialisation.Create(on.Config, lora, seed);
    ClientTask[] tasks =
    [
        .. arms.Where(arm => arm.Places.Length > 0).Select(arm => new ClientTask
        {
            Id = arm.Name, Seed = seed, Examples = [.. arm.Places.Select(p => examples[p])], Initial = initial, Options = training,
        }),
    ];
    var updates = new Queue<ClientUpdate>(new AdapterTrainer(on).Train(tasks));
    using var stack = new AdapterStack(on, [.. arms.Select(arm => arm.Places.Length > 0 ? updates.Dequeue().Adapter : null)], trainable: false);
    using var scorer = new AdapterScorer(on, stack, test.Max(e => e.InputIds.Length));
    return [.. scorer.Losses(test).Select(own => new ClusteredMean(own).Mean)];
}

// Means ± standard errors over seeds; the difference to random of the same size is paired by seed.
void Tables()
{
    JsonNode[] all = [.. File.ReadLines(results).Select(line => JsonNode.Parse(line)!)];
    foreach (string where in new[] { "poisoned", "clean" })
    {
        JsonNode[] own = [.. all.Where(r => (string)r["pool"]! == where)];
        foreach ((int count, string suffix) in sizes)
        {
            double[] Of(string arm, int figure) => [.. own.Where(r => r["arms"]!.AsObject().ContainsKey(arm)).OrderBy(r => (int)r["seed"]!).Select(r => (double)r["arms"]![arm]![figure]!)];
            double[] Against(string arm, int figure) => [.. Of(arm, figure).Zip(Of("random" + suffix, figure), (x, y) => x - y)];
            Console.WriteLine($"\n| {count} of the {where} pool | spoilt | loss | less random's | loss on OTHER | less random's |\n|---|---|---|---|---|---|");
            foreach (string name in names.Append(All).Append(Base))
            {
                string arm = name is All or Base ? name : name + suffix;
                Console.WriteLine($"| {name} | {100 * Of(arm, 0).Average():0} % | {Show(Of(arm, 1))} | {Show(Against(arm, 1))} | {Show(Of(arm, 2))} | {Show(Against(arm, 2))} |");
            }
        }

        for (int i = 0; i < 2 && where == "poisoned"; i++)
            Console.WriteLine($"\narea under the curve of the proxies' values, {(i == 0 ? "as they are" : "normalised")}: {Show([.. own.Where(r => r["areas"] is not null).Select(r => (double)r["areas"]![i]!)])}");
    }
}

static string Key(JsonNode result, string arm) => $"{(ulong)result["seed"]!}/{(string)result["pool"]!}/{arm}";

static string Show(double[] all)
{
    double mean = all.Average();
    return all.Length < 2 ? $"{mean:0.0000}" : $"{mean:0.0000} ± {Math.Sqrt(all.Sum(v => (v - mean) * (v - mean)) / (all.Length - 1) / all.Length):0.0000}";
}
