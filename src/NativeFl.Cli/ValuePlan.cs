using System.Globalization;
using NativeFl.Cli.Flags;
using NativeFl.Data;
using NativeFl.DataRefinement;
using NativeFl.Finetuning;
using NativeFl.Tensors;
using NativeFl.Valuation;

namespace NativeFl.Cli;

/// <summary>How refine value measures: who plays, what one fine-tuning is, how many fit side by side, and how many there may be.</summary>
internal sealed record ValuePlan
{
    /// <summary>The estimator.</summary>
    public required EstimatorKind Kind { get; init; }

    /// <summary>By player, its proxies.</summary>
    public required IReadOnlyList<int[]> Groups { get; init; }

    /// <summary>The fine-tuning of a coalition.</summary>
    public required FineTuningGameOptions Options { get; init; }

    /// <summary>How many fit side by side.</summary>
    public required CoalitionMemory Memory { get; init; }

    /// <summary>Fine-tunings at most; null where seconds are the budget.</summary>
    public int? Budget { get; init; }

    /// <summary>What a folder with a table is of: model, data, clusters, training and seed. A table of another game is of no use here.</summary>
    public required string Game { get; init; }

    /// <summary>The estimator at a budget of fine-tunings.</summary>
    public IValueEstimator Make(VerbRun run, int budget) => Kind.Make(Groups.Count, budget, run.Get(RefineValueFlags.Tolerance), run.Seed);

    /// <summary>Plans, and refuses a budget that is too small, before anything is loaded.</summary>
    public static ValuePlan Of(VerbRun run, ModelInput input, ValueInput data)
    {
        EstimatorKind kind = EstimatorKind.Of(run.Get(RefineValueFlags.Estimator));
        IReadOnlyList<int[]> groups = PlayerGroups.Of(data.Proxies.Count, run.Get(RefineValueFlags.Groups), run.Seed);
        int players = groups.Count, least = kind.Least(players), most = kind.Most(players) ?? int.MaxValue;
        int? budget = run.Flags.Has(RefineValueFlags.BudgetSeconds)
            ? null
            : run.Get(RefineValueFlags.Budget) ?? Math.Min(most, Math.Max(least, 10 * players));
        if (budget is { } count) _ = kind.Make(players, count, run.Get(RefineValueFlags.Tolerance), run.Seed);
        FineTuningGameOptions options = new()
        {
            Lora = Lora(run, input),
            Training = TrainingSetup.Options(run, run.Get(TrainingFlags.LoraDropout)),
            Seed = run.Seed,
        };
        _ = options.Training.StepsFor(data.Proxies.Count, run.Flags.Source(TrainingFlags.Epochs));
        CoalitionMemory memory = CoalitionMemory.Plan(
            run.Device, input.Config, input.WeightType, data.Proxies, data.Utility, options, BytesFor(run), run.Get(RefineValueFlags.AtOnce));
        return new ValuePlan
        {
            Kind = kind,
            Groups = groups,
            Options = options with { AtOnce = memory.AtOnce, MaxRows = memory.MaxRows },
            Memory = memory,
            Budget = budget,
            Game = GameOf(run, input, data, groups),
        };
    }

    /// <summary>What fine-tuning may take.</summary>
    public static long BytesFor(VerbRun run) => run.Get(RefineValueFlags.MemoryBudget) is [var given] ? given : run.Device.MemoryBytes / 2;

    /// <summary>The adapter of every fine-tuning.</summary>
    public static LoraOptions Lora(VerbRun run, ModelInput input)
    {
        int rank = run.Get(TrainingFlags.Rank);
        return TrainingSetup.Lora(run, input.Config, rank, run.Get(TrainingFlags.Alpha).Of(rank));
    }

    /// <summary>Says on stderr what is to come.</summary>
    public void Announce(VerbRun run, FineTuningGame game, CoalitionValues values, int proxies)
    {
        string players = Groups.Count == proxies ? $"{proxies} players" : $"{proxies} proxies in {Groups.Count} players";
        string work = Budget is { } budget
            ? Work(game, Make(run, budget), values)
            : string.Create(CultureInfo.InvariantCulture, $"as many fine-tunings as {run.Get(RefineValueFlags.BudgetSeconds):0.###} seconds allow, at least {Kind.Least(Groups.Count)}");
        run.Note($"plan: {players}, {Kind.Name}: {work}");
        if (Kind.Caution is { } caution) run.Warn($"{Kind.Name}: {caution}");
        if (values.Count > 0) run.Note($"plan: {values.Count} coalitions are measured already, and are used again");
        run.Note($"plan: {Memory.AtOnce} fine-tunings side by side, {Figures.Bytes(Memory.Bytes)}");
    }

    /// <summary>What is still to be measured; how much that will be is known beforehand but for truncated orders.</summary>
    private static string Work(FineTuningGame game, IValueEstimator estimator, CoalitionValues values)
    {
        if (estimator is TruncatedShapley) return $"at most {estimator.FineTunings} fine-tunings";
        IReadOnlyList<Coalition> wanted = Valuer.Wanted(estimator, values);
        return $"{wanted.Count(coalition => coalition.Count > 0)} fine-tunings on {Figures.Count(wanted.Sum(game.TokensOf))} tokens";
    }

    /// <summary>What values depend on, as a hash: model, data, clusters, players, training and seed.</summary>
    /// <param name="run">Whose.</param>
    /// <param name="input">Its model.</param>
    /// <param name="data">Its data.</param>
    /// <param name="groups">By player, its proxies.</param>
    /// <param name="more">Flags that count beside those of the training.</param>
    public static string GameOf(VerbRun run, ModelInput input, ValueInput data, IReadOnlyList<int[]> groups, params IReadOnlyList<IFlag> more)
    {
        var hash = new ContentHash();
        hash.Add(InputHash.Of(input.Folder));
        hash.Add(input.WeightType.ToString());
        hash.Add(data.Utility.Name);
        hash.Add(data.ValidationHash);
        AddClusters(hash, data.Clusters);
        hash.Add(groups.Count);
        foreach (int[] group in groups) hash.Add(Dataset.Hash([.. group.Select(proxy => data.Proxies[proxy])]));
        foreach (IFlag flag in RefineValueFlags.Training.Concat(more))
        {
            hash.Add(flag.Name);
            hash.Add(flag.ToJson(run.Flags)?.ToJsonString() ?? "");
        }

        hash.Add((long)run.Seed);
        return hash.ToString();
    }

    // No value depends on them, but the folder has a copy, which choosing goes by.
    private static void AddClusters(ContentHash hash, ClusterFolder clusters)
    {
        hash.Add(clusters.Clusters.Count);
        foreach (RecordCluster cluster in clusters.Clusters)
        {
            hash.Add(cluster.Proxy);
            hash.Add(cluster.Members.Count);
            foreach (string id in cluster.Members) hash.Add(id);
        }

        foreach (DataRecord record in clusters.Records) hash.Add(record.Fields.ToJsonString());
    }
}
