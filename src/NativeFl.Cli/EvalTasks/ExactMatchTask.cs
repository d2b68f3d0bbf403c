using NativeFl.Cli.Flags;
using NativeFl.Data;
using NativeFl.Evaluation;
using NativeFl.Finetuning;
using NativeFl.Models;
using NativeFl.Tokenization;

namespace NativeFl.Cli.EvalTasks;

/// <summary>The share of prompts of --data whose greedy answer is the reference's, to the letter.</summary>
internal sealed class ExactMatchTask : IEvalTask
{
    private readonly VerbRun _run;
    private readonly Tokenizer _tokenizer;
    private readonly AnswerPattern _pattern;
    private readonly ExactMatchItem[] _items;

    public ExactMatchTask(VerbRun run, ModelInput input)
    {
        PromptOptions options = TrainingData.Options(run, input.Config);
        IReadOnlyList<ExactMatchRecord> records = ExactMatchRecord.Read(RecordReader.Read(run.Get(DataFlags.Data)), options);
        _run = run;
        _tokenizer = input.Tokenizer();
        var encoder = new PromptEncoder(_tokenizer, options);
        _pattern = new AnswerPattern(run.Get(Extract));
        _items = [.. records.Select(r => new ExactMatchItem(r.Id, encoder.EncodePrompt(r), r.Answer))];
        foreach (ExactMatchItem item in _items) ExactMatch.Reference(item, _pattern);
    }

    public static Flag<string?> Extract { get; } = new(
        "--extract", FlagTypes.Text, null, "exact-match: a regular expression whose first group is the answer [the whole text]");

    public static Flag<int> MaxNewTokens { get; } = new("--max-new-tokens", FlagTypes.Int(1, 1 << 20), 128, "exact-match: longest answer [128]");

    public static Flag<int> Batch { get; } = new("--batch-size", FlagTypes.Int(1, 1 << 20), 32, "exact-match: prompts side by side [32]");

    /// <inheritdoc/>
    public EvalFigure Measure(Transformer model, AdapterStack? adapter, Action<int, int> onItems)
    {
        var generator = new Generator(model, adapter);
        List<ItemResult> results = [];
        foreach (ExactMatchItem[] batch in _items.Chunk(_run.Get(Batch)))
        {
            results.AddRange(ExactMatch.Measure(generator, _tokenizer, batch, _pattern, _run.Get(MaxNewTokens), _run.Cancellation).Items);
            onItems(results.Count, _items.Length);
        }

        return AccuracyFigure.Of(new AccuracyResult(results));
    }
}
