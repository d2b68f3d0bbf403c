using NativeFl.Cli.Flags;
using NativeFl.Data;
using NativeFl.DataRefinement;
using NativeFl.Models;
using NativeFl.Tensors;

namespace NativeFl.Cli;

/// <summary>The records of refine cluster, embedded.</summary>
internal static class ClusterInput
{
    /// <summary>Refuses fewer records than clusters, before any work.</summary>
    public static void RequireEnough(VerbRun run, IReadOnlyList<DataRecord> records, int clusters)
    {
        if (records.Count >= clusters) return;
        throw new InvalidInputException(run.Flags.Source(RefineClusterFlags.Clusters), $"at most {records.Count}, the number of records", $"{clusters}");
    }

    /// <summary>Every record as it would be trained on, by the base model's last hidden states: all of its text, cut at --max-length.</summary>
    public static Embeddings HiddenStates(VerbRun run, ModelInput input, IReadOnlyList<DataRecord> records)
    {
        // Whatever is left of a record within --max-length is embedded: it need not reach into the answer.
        PromptOptions options = TextOptions(run) with { TrainOnPrompt = true, MaxLength = TrainingData.MaxLength(run, input.Config) };
        IReadOnlyList<TokenizedExample> examples = Dataset.Tokenize(
            records, Dataset.IsPreTokenised(records) ? null : input.Tokenizer(), options, input.Config.VocabularySize);
        using Transformer model = input.Load();
        using var bar = new ProgressBar(run, "embed");
        return new HiddenStateEmbedder(model).Embed(examples, done => bar.Report(done, examples.Count, 0, ""), run.Cancellation);
    }

    /// <summary>Every record's prompt and answer by the sentence embedder of --embedder.</summary>
    public static Embeddings Sentences(VerbRun run, string folder, IReadOnlyList<DataRecord> records)
    {
        if (Dataset.IsPreTokenised(records)) throw new InvalidInputException(records[0].Place, "text, which --embedder reads", "a pre-tokenised record");
        string[] texts = [.. records.Select(record => RecordText.Whole(record, TextOptions(run)))];
        using SentenceEmbedder embedder = SentenceEmbedder.Load(() => run.Backend, folder);
        using var bar = new ProgressBar(run, "embed");
        return embedder.Embed(texts, done => bar.Report(done, texts.Length, 0, ""), run.Cancellation);
    }

    /// <summary>Which fields of a record are its text, one sequence a record.</summary>
    public static PromptOptions TextOptions(VerbRun run) => new()
    {
        Template = run.Get(DataFlags.Template),
        PromptField = run.Get(DataFlags.PromptField),
        AnswerField = run.Get(DataFlags.AnswerField),
        Packing = false,
    };
}
