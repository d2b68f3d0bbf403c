using System.Diagnostics;
using System.Globalization;
using System.Text.Json.Nodes;
using NativeFl.Data;
using NativeFl.DataRefinement;
using NativeFl.Federation;
using NativeFl.Finetuning;
using NativeFl.Models;
using NativeFl.Reports;
using NativeFl.Tensors;

namespace NativeFl.Cli.Quickstart;

/// <summary>
/// The quickstart's word on data: of a pool of questions a third have their answers' words in random order. The pool is put into clusters, each
/// cluster's proxy is valued in one short training, and as many records are trained on as value chooses and as chance does.
/// </summary>
internal sealed record QuickstartRefinement
{
    private const string PoolFile = "pool.jsonl", ValidationFile = "pool-validation.jsonl";
    private const int SpoiltOneIn = 3, KeptOneIn = 4;
    private const ulong SpoilStream = 0x5B01, RandomStream = 0x5B02;

    /// <summary>Records of the pool, and how many of them are spoilt.</summary>
    public required int Pool { get; init; }

    public required int Spoilt { get; init; }

    public required int Clusters { get; init; }

    /// <summary>Records that were trained on, each time.</summary>
    public required int Kept { get; init; }

    /// <summary>By name: how many spoilt records were among those, and the held-out figures afterwards.</summary>
    public required IReadOnlyList<(string Name, int Spoilt, IReadOnlyDictionary<string, double> Figures)> Arms { get; init; }

    public required double Seconds { get; init; }

    /// <summary>Does all of it; the pool is kept beside the other data.</summary>
    public static QuickstartRefinement Run(
        VerbRun run, QuickstartPlan plan, Transformer model, QuickstartHeldOut heldOut, QuickstartData data, string folder)
    {
        long started = Stopwatch.GetTimestamp();
        (TaskRecord[] pool, bool[] isSpoilt) = Spoil(run.Seed, [.. data.Training.Take(plan.PoolRecords)]);
        File.WriteAllLines(Path.Combine(folder, PoolFile), pool.Select(r => r.ToJsonLine()));
        File.WriteAllLines(Path.Combine(folder, ValidationFile), data.Training.Skip(plan.PoolRecords).Take(plan.PoolRecords / 6).Select(r => r.ToJsonLine()));
        IReadOnlyList<TokenizedExample> examples = heldOut.Read(Path.Combine(folder, PoolFile)), validation = heldOut.Read(Path.Combine(folder, ValidationFile));
        int kept = pool.Length / KeptOneIn;
        var refiner = new PoolRefiner(model, new PoolRefinerOptions
        {
            Restarts = 1,
            InRun = new InRunOptions { Lora = Lora, Training = plan.ClientTraining, Seed = run.Seed },
        });
        RefinedPool refined = refiner.Refine(examples, validation, kept, values => new QualityOrderedClusterSampling(values), run.Cancellation);
        int[] any = [.. Enumerable.Range(0, pool.Length)];
        new Philox(run.Seed, RandomStream).Shuffle(any.AsSpan());
        return new QuickstartRefinement
        {
            Pool = pool.Length,
            Spoilt = isSpoilt.Count(spoilt => spoilt),
            Clusters = refined.Clustering.Count,
            Kept = kept,
            Arms = [Arm("chosen by value", refined.Selected), Arm("chosen at random", [.. any.Take(kept).Order()])],
            Seconds = Stopwatch.GetElapsedTime(started).TotalSeconds,
        };

        (string Name, int Spoilt, IReadOnlyDictionary<string, double> Figures) Arm(string name, IReadOnlyList<int> places)
        {
            var task = new ClientTask
            {
                Id = name,
                Seed = run.Seed,
                Examples = [.. places.Select(place => examples[place])],
                Initial = LoraInitialisation.Create(model.Config, Lora, run.Seed),
                Options = plan.ClientTraining,
            };
            ClientUpdate update = new AdapterTrainer(model).Train([task], cancellation: run.Cancellation)[0];
            return (name, places.Count(place => isSpoilt[place]), heldOut.Measure(new ServerModel(model, [update.Adapter]), answers: false, run.Cancellation));
        }
    }

    /// <summary>One line for the terminal.</summary>
    public string Line() => string.Create(
        CultureInfo.InvariantCulture,
        $"{Pool} questions, {Spoilt} with spoilt answers; the {Kept} chosen by value hold {Arms[0].Spoilt} of them, chosen at random {Arms[1].Spoilt}; held-out loss {Loss(0)} and {Loss(1)}.");

    /// <summary>As --json writes it.</summary>
    public JsonObject Json() => new()
    {
        ["records"] = Pool,
        ["spoilt"] = Spoilt,
        ["clusters"] = Clusters,
        ["kept"] = Kept,
        ["arms"] = new JsonArray([.. Arms.Select(arm => (JsonNode)new JsonObject
        {
            ["name"] = arm.Name,
            ["spoilt"] = arm.Spoilt,
            ["final"] = FederationJson.Evaluation(arm.Figures),
        })]),
        ["seconds"] = JsonOutput.Number(Math.Round(Seconds, 2)),
    };

    /// <summary>Its part of the report.</summary>
    public void Write(HtmlReport report)
    {
        report.Heading("What records are worth");
        report.Paragraph(
            $"Of {Pool} of the clients' questions {Spoilt} had the words of their answers put in random order. Their hidden states were put into {Clusters} clusters, the record nearest each centre was valued "
            + "while one adapter trained on those records (first-order in-run values on other questions), and whole clusters were taken by value until there were enough (QOCS). As many were drawn at random.");
        report.Table(new ReportTable($"Trained on {Kept} records of the pool", ["records", "spoilt among them", "held-out loss"],
        [
            .. Arms.Select((arm, i) => (IReadOnlyList<string>)[arm.Name, arm.Spoilt.ToString(CultureInfo.InvariantCulture), Loss(i)]),
        ]));
    }

    private static LoraOptions Lora => new() { Rank = QuickstartPlan.EqualRanks[0] };

    private string Loss(int arm) => Figures.WithError(Arms[arm].Figures[HeldOutFigures.Loss], Arms[arm].Figures[HeldOutFigures.LossError]);

    private static (TaskRecord[] Pool, bool[] IsSpoilt) Spoil(ulong seed, TaskRecord[] records)
    {
        var draws = new Philox(seed, SpoilStream);
        var isSpoilt = new bool[records.Length];
        for (int i = SpoiltOneIn - 1; i < records.Length; i += SpoiltOneIn)
        {
            string[] words = records[i].Answer.Split(' ');
            draws.Shuffle(words.AsSpan());
            string answer = string.Join(' ', words);
            isSpoilt[i] = answer != records[i].Answer;
            records[i] = records[i] with { Answer = answer };
        }

        return (records, isSpoilt);
    }
}
