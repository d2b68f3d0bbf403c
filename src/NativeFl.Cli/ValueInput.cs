using NativeFl.Cli.EvalTasks;
using NativeFl.Cli.Flags;
using NativeFl.Data;
using NativeFl.DataRefinement;
using NativeFl.Tensors;

namespace NativeFl.Cli;

/// <summary>What refine value reads: the proxies with their clusters, and what their value is measured on. All of it is checked.</summary>
/// <param name="Clusters">Of --proxies, or every record of --data by itself.</param>
/// <param name="Proxies">By cluster, its proxy as a sequence.</param>
/// <param name="Utility">What v is.</param>
/// <param name="ValidationHash">What it is measured on.</param>
internal sealed record ValueInput(ClusterFolder Clusters, IReadOnlyList<TokenizedExample> Proxies, IQuality Utility, string ValidationHash)
{
    /// <summary>By proxy, its id.</summary>
    public IReadOnlyList<string> Ids => [.. Clusters.Clusters.Select(cluster => cluster.Proxy)];

    /// <summary>Reads and checks everything.</summary>
    public static ValueInput Load(VerbRun run, ModelInput input)
    {
        ClusterFolder clusters = ReadClusters(run);
        IReadOnlyList<DataRecord> validation = RecordReader.Read(run.Get(RefineValueFlags.Validation));
        PromptOptions options = Options(run, input);
        string flag = run.Flags.Source(RefineValueFlags.Validation);
        RecordContent.RequireDisjoint(flag, validation, clusters.Records, "the training data", options);
        if (run.Get(RefineValueFlags.Test) is { Count: > 0 } test) RecordContent.RequireDisjoint(flag, validation, RecordReader.Read(test), "--test", options);
        Dictionary<string, DataRecord> byId = clusters.Records.ToDictionary(record => record.Id, StringComparer.Ordinal);
        DataRecord[] proxies = [.. clusters.Clusters.Select(cluster => byId[cluster.Proxy])];
        IQuality utility = UtilityOf(run, input, validation);
        var hash = new ContentHash();
        hash.Add(Dataset.Hash(utility.Examples));
        foreach (DataRecord record in validation) hash.Add(RecordContent.Hash(record, options));
        return new ValueInput(clusters, Sequences(run, input, proxies), utility, hash.ToString());
    }

    private static ClusterFolder ReadClusters(VerbRun run)
    {
        IReadOnlyList<string> files = run.Get(DataFlags.OptionalData);
        string folder = run.Get(RefineValueFlags.Proxies);
        if (folder.Length == 0)
        {
            return files.Count > 0
                ? ClusterFolder.OfSingles(RecordReader.Read(files, out bool areArrays), areArrays)
                : throw new InvalidInputException(DataFlags.OptionalData.Name, "records, by --data or --proxies", "neither flag");
        }

        ClusterFolder clusters = ClusterFolder.Read(folder);
        if (files.Count == 0 || RecordReader.Read(files).Select(record => record.Id).SequenceEqual(clusters.Records.Select(record => record.Id))) return clusters;
        throw new InvalidInputException(run.Flags.Source(DataFlags.OptionalData), $"the records that {folder} was made of", "others");
    }

    // One sequence a record: a packed one would be worth what its records are together.
    private static IReadOnlyList<TokenizedExample> Sequences(VerbRun run, ModelInput input, IReadOnlyList<DataRecord> records) => Dataset.Tokenize(
        records, Dataset.IsPreTokenised(records) ? null : input.Tokenizer(), Options(run, input), input.Config.VocabularySize);

    private static PromptOptions Options(VerbRun run, ModelInput input) => TrainingData.Options(run, input.Config) with { Packing = false };

    private static IQuality UtilityOf(VerbRun run, ModelInput input, IReadOnlyList<DataRecord> records)
    {
        bool isAccuracy = run.Get(RefineValueFlags.Utility) == "accuracy";
        if (records[0].Has("choices"))
        {
            var items = MultipleChoiceTask.Items(run, input, records);
            return isAccuracy ? new ChoiceAccuracy(items) : new AnswerLogProbability(items);
        }

        if (isAccuracy)
            throw new InvalidInputException(run.Flags.Source(RefineValueFlags.Utility), "--validation of questions with \"choices\", for accuracy", $"{records[0].Place}, which has none");
        return new AnswerLogProbability(Sequences(run, input, records));
    }
}
