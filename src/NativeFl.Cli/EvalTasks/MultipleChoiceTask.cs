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
        _run = run;
        _items = Items(run, input, RecordReader.Read(run.Get(DataFlags.Data)));
    }

    /// <inheritdoc/>
    public EvalFigure Measure(Transformer model, AdapterStack? adapter, Action<int, int> onItems)
    {
        using var scorer = new TokenScorer(model, adapter);
        return AccuracyFigure.Of(MultipleChoice.Measure(scorer, _items, _run.Cancellation));
    }

    /// <summary>Questions as ids.</summary>
    public static MultipleChoiceItem[] Items(VerbRun run, ModelInput input, IReadOnlyList<DataRecord> records)
    {
        IReadOnlyList<MultipleChoiceRecord> questions = MultipleChoiceRecord.Read(records);
        var encoder = new PromptEncoder(input.Tokenizer(), TrainingData.Options(run, input.Config));
        return [.. questions.Select(question => Item(encoder, question))];
    }

    private static MultipleChoiceItem Item(PromptEncoder encoder, MultipleChoiceRecord record)
    {
        TokenizedExample[] choices = [.. record.Choices.Select((_, i) => encoder.EncodeChoice(record, i))];
        int start = Array.FindIndex(choices[0].Labels, label => label != TokenizedExample.Ignored);
        return new MultipleChoiceItem(record.Id, choices[0].InputIds[..start], [.. choices.Select(c => c.InputIds[start..])], record.Answer);
    }
}
