using System.Text.Json.Nodes;
using NativeFl.Cli.Flags;
using NativeFl.Data;
using NativeFl.Evaluation;
using NativeFl.Finetuning;
using NativeFl.Models;
using NativeFl.Tensors;
using NativeFl.Tokenization;

namespace NativeFl.Cli.Verbs;

/// <summary>eval: how good a model is on held-out records, with standard errors.</summary>
internal static class EvalVerb
{
    private static Flag<string> Task { get; } = new(
        "--task", FlagTypes.Choice("perplexity", "multiple-choice", "exact-match"), "perplexity", "what is measured [perplexity]");

    private static Flag<string?> Extract { get; } = new(
        "--extract", FlagTypes.Text, null, "exact-match: a regular expression whose first group is the answer [the whole text]");

    private static Flag<int> MaxNewTokens { get; } = new("--max-new-tokens", FlagTypes.Int(1, 1 << 20), 128, "exact-match: longest answer [128]");

    private static Flag<int> EvalBatch { get; } = new("--batch-size", FlagTypes.Int(1, 1 << 20), 32, "exact-match: prompts side by side [32]");

    public static Verb Verb => new(
        "eval",
        "Measure perplexity, multiple choice or exact match",
        [Task, DataFlags.Model, DataFlags.Adapter, DataFlags.Data, .. DataFlags.Prompt, Extract, MaxNewTokens, EvalBatch],
        Run);

    private static JsonObject Run(VerbRun run)
    {
        string target = run.Get(SharedFlags.Out);
        using OutputFolder? output = target.Length == 0 ? null : OutputFolder.Create(target, run.Get(SharedFlags.Force));
        using ModelInput input = ModelInput.Open(run, run.Get(DataFlags.Model));
        AdapterFolderContent? adapter = input.Adapter(run.Get(DataFlags.Adapter));
        JsonObject result = run.Get(Task) switch
        {
            "multiple-choice" => MultipleChoiceTask(run, input, adapter),
            "exact-match" => ExactMatchTask(run, input, adapter),
            _ => PerplexityTask(run, input, adapter),
        };
        if (output is null) return result;
        RunRecord.Write(output.WorkPath, run, result);
        output.Commit();
        return result;
    }

    private static JsonObject PerplexityTask(VerbRun run, ModelInput input, AdapterFolderContent? adapter)
    {
        IReadOnlyList<TokenizedExample> examples = TrainingData.Load(run, run.Get(DataFlags.Data), input.Config, input.Tokenizer);
        if (examples.All(e => e.CountedTokens == 0))
            throw new InvalidInputException(string.Join(' ', run.Get(DataFlags.Data)), "at least one token to score", "none");
        using Transformer model = input.Load();
        using AdapterStack? stack = adapter is null ? null : new AdapterStack(model, [adapter.Weights], trainable: false);
        using var scorer = new TokenScorer(model, stack);
        PerplexityResult result = Perplexity.Measure(scorer, examples, run.Cancellation);
        run.Print($"loss {Figures.WithError(result.Loss, result.StandardError)}, perplexity {Figures.Loss(result.Perplexity)}, {Figures.Count(result.Tokens)} tokens");
        return new JsonObject
        {
            ["loss"] = JsonOutput.Number(result.Loss),
            ["perplexity"] = JsonOutput.Number(result.Perplexity),
            ["tokens"] = result.Tokens,
            ["stderr"] = result.StandardError is { } error ? JsonOutput.Number(error) : null,
            ["examples"] = result.Examples,
        };
    }

    private static JsonObject MultipleChoiceTask(VerbRun run, ModelInput input, AdapterFolderContent? adapter)
    {
        IReadOnlyList<MultipleChoiceRecord> records = MultipleChoiceRecord.Read(RecordReader.Read(run.Get(DataFlags.Data)));
        var encoder = new PromptEncoder(input.Tokenizer(), TrainingData.Options(run, input.Config));
        MultipleChoiceItem[] items = [.. records.Select(record => Item(encoder, record))];
        using Transformer model = input.Load();
        using AdapterStack? stack = adapter is null ? null : new AdapterStack(model, [adapter.Weights], trainable: false);
        using var scorer = new TokenScorer(model, stack);
        return Report(run, MultipleChoice.Measure(scorer, items, run.Cancellation));
    }

    private static MultipleChoiceItem Item(PromptEncoder encoder, MultipleChoiceRecord record)
    {
        TokenizedExample[] choices = [.. record.Choices.Select((_, i) => encoder.EncodeChoice(record, i))];
        int start = Array.FindIndex(choices[0].Labels, label => label != TokenizedExample.Ignored);
        return new MultipleChoiceItem(record.Id, choices[0].InputIds[..start], [.. choices.Select(c => c.InputIds[start..])], record.Answer);
    }

    private static JsonObject ExactMatchTask(VerbRun run, ModelInput input, AdapterFolderContent? adapter)
    {
        PromptOptions options = TrainingData.Options(run, input.Config);
        IReadOnlyList<ExactMatchRecord> records = ExactMatchRecord.Read(RecordReader.Read(run.Get(DataFlags.Data)), options);
        Tokenizer tokenizer = input.Tokenizer();
        var encoder = new PromptEncoder(tokenizer, options);
        var pattern = new AnswerPattern(run.Get(Extract));
        ExactMatchItem[] items = [.. records.Select(r => new ExactMatchItem(r.Id, encoder.EncodePrompt(r), r.Answer))];
        foreach (ExactMatchItem item in items) ExactMatch.Reference(item, pattern);
        using Transformer model = input.Load();
        using AdapterStack? stack = adapter is null ? null : new AdapterStack(model, [adapter.Weights], trainable: false);
        var generator = new Generator(model, stack);
        List<ItemResult> results = [];
        using var bar = new ProgressBar(run, "eval");
        foreach (ExactMatchItem[] batch in items.Chunk(run.Get(EvalBatch)))
        {
            results.AddRange(ExactMatch.Measure(generator, tokenizer, batch, pattern, run.Get(MaxNewTokens), run.Cancellation).Items);
            bar.Report(results.Count, items.Length, 0, "");
        }

        return Report(run, new AccuracyResult(results));
    }

    private static JsonObject Report(VerbRun run, AccuracyResult result)
    {
        run.Print($"accuracy {Figures.WithError(result.Accuracy, result.StandardError)}, {result.Count} items");
        return new JsonObject
        {
            ["accuracy"] = JsonOutput.Number(result.Accuracy),
            ["stderr"] = result.StandardError is { } error ? JsonOutput.Number(error) : null,
            ["count"] = result.Count,
        };
    }
}
