using NativeFl.Cli.Flags;
using NativeFl.Data;
using NativeFl.Evaluation;
using NativeFl.Finetuning;
using NativeFl.Models;

namespace NativeFl.Cli.EvalTasks;

/// <summary>The share of questions of --data to which the likeliest choice is the right one.</summary>
internal sealed class MultipleChoiceTask : IEvalTask
{
    private readonly VerbRun _run;
    private readonly MultipleChoiceItem[] _items;

    public MultipleChoiceTask(VerbRun run, ModelInput input)
    {
        IReadOnlyList<MultipleChoiceRecord> records = MultipleChoiceRecord.Read(RecordReader.Read(run.Get(DataFlags.Data)));
        var encoder = new PromptEncoder(input.Tokenizer(), TrainingData.Options(run, input.Config));
        _run = run;
        _items = [.. records.Select(record => Item(encoder, record))];
    }

    /// <inheritdoc/>
    public EvalFigure Measure(Transformer model, AdapterStack? adapter, Action<int, int> onItems)
    {
        using var scorer = new TokenScorer(model, adapter);
        return AccuracyFigure.Of(MultipleChoice.Measure(scorer, _items, _run.Cancellation));
    }

    private static MultipleChoiceItem Item(PromptEncoder encoder, MultipleChoiceRecord record)
    {
        TokenizedExample[] choices = [.. record.Choices.Select((_, i) => encoder.EncodeChoice(record, i))];
        int start = Array.FindIndex(choices[0].Labels, label => label != TokenizedExample.Ignored);
        return new MultipleChoiceItem(record.Id, choices[0].InputIds[..start], [.. choices.Select(c => c.InputIds[start..])], record.Answer);
    }
}
