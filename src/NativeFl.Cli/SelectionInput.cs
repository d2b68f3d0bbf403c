using NativeFl.Cli.Flags;
using NativeFl.Data;
using NativeFl.DataRefinement;
using NativeFl.Evaluation;
using NativeFl.Models;

namespace NativeFl.Cli;

/// <summary>The method of refine select, with what it goes by.</summary>
internal static class SelectionInput
{
    /// <summary>The method of a name.</summary>
    public static IRecordSelection Of(VerbRun run, string method, string values, ClusterFolder clusters) => method switch
    {
        "qocs" => new QualityOrderedClusterSampling(Values(values, method, clusters)),
        "qwcs" => new QualityWeightedClusterSampling(Values(values, method, clusters), run.Get(RefineSelectFlags.WeightFactor)),
        "random" => new RandomSelection(),
        "balanced" => new BalancedSelection(),
        "longest" => new RankedSelection([.. clusters.Records.Select(record => (double)RecordText.Answer(record, ClusterInput.TextOptions(run)).Length)]),
        "lowest-perplexity" => new RankedSelection([.. Losses(run, clusters.Records).Select(loss => -loss)]),
        _ => new RankedSelection(Losses(run, clusters.Records)),
    };

    private static IReadOnlyList<double> Values(string folder, string method, ClusterFolder clusters) => folder.Length > 0
        ? ClusterValues.Read(folder, clusters)
        : throw RefineSelectFlags.Values.Missing($"what refine value wrote, for --method {method}");

    /// <summary>By record, the mean loss of the tokens that training would count, whose exponential is the perplexity.</summary>
    private static double[] Losses(VerbRun run, IReadOnlyList<DataRecord> records)
    {
        string folder = run.Get(DataFlags.OptionalModel);
        if (folder.Length == 0) throw DataFlags.OptionalModel.Missing("a model, for perplexities");
        using ModelInput input = ModelInput.Open(run, folder);
        PromptOptions options = ClusterInput.TextOptions(run) with { MaxLength = TrainingData.MaxLength(run, input.Config) };
        IReadOnlyList<TokenizedExample> examples = Dataset.Tokenize(
            records, Dataset.IsPreTokenised(records) ? null : input.Tokenizer(), options, input.Config.VocabularySize);
        using Transformer model = input.Load();
        using var scorer = new TokenScorer(model);
        return [.. scorer.Losses(examples, run.Cancellation).Select(losses => new ClusteredMean([losses]).Mean)];
    }
}
