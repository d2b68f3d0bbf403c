using NativeFl.Data;
using NativeFl.Evaluation;
using NativeFl.Federation;
using NativeFl.Finetuning;
using NativeFl.Models;
using NativeFl.Tokenization;

namespace NativeFl.Cli.Quickstart;

/// <summary>The held-out questions: the loss of their answers, and how many answers come out right to the letter.</summary>
internal sealed class QuickstartHeldOut
{
    private static readonly PromptOptions Prompts = new() { Template = TokenizerFile.Template, MaxLength = QuickstartPlan.Positions };

    private readonly Tokenizer _tokenizer;
    private readonly HeldOutSet _set;
    private readonly ExactMatchItem[] _items;
    private readonly Dictionary<string, string> _categories;

    public QuickstartHeldOut(string file, Tokenizer tokenizer)
    {
        IReadOnlyList<DataRecord> records = RecordReader.Read([file]);
        var encoder = new PromptEncoder(tokenizer, Prompts);
        _tokenizer = tokenizer;
        _set = new HeldOutSet(Dataset.Tokenize(records, tokenizer, Prompts, tokenizer.VocabularySize), 1);
        _items = [.. ExactMatchRecord.Read(records, Prompts).Select(r => new ExactMatchItem(r.Id, encoder.EncodePrompt(r), r.Answer))];
        _categories = records.ToDictionary(r => r.Id, r => r.Fields["category"]!.GetValue<string>());
    }

    /// <summary>How many questions there are.</summary>
    public int Count => _items.Length;

    /// <summary>Reads records of the same form, for the clients.</summary>
    public IReadOnlyList<TokenizedExample> Read(string file) => Dataset.Load([file], _tokenizer, Prompts, _tokenizer.VocabularySize);

    /// <summary>The loss; with <paramref name="answers"/>, also the share of right answers, in all and by category.</summary>
    public Dictionary<string, double> Measure(ServerModel model, bool answers, CancellationToken cancellation)
    {
        Dictionary<string, double> figures = HeldOutFigures.Measure(model, _set, cancellation);
        if (!answers) return figures;
        using AdapterStack? stack = model.OpenStack();
        var generator = new Generator(model.Base, stack, model.Weights);
        AccuracyResult result = ExactMatch.Measure(
            generator, _tokenizer, _items, new AnswerPattern(null), QuickstartPlan.AnswerTokens, cancellation);
        figures[HeldOutFigures.Accuracy] = result.Accuracy;
        figures[HeldOutFigures.AccuracyError] = result.StandardError ?? 0;
        foreach (IGrouping<string, ItemResult> category in result.Items.GroupBy(item => _categories[item.Id]))
            figures[CategoryFigure(category.Key)] = (double)category.Count(item => item.IsCorrect) / category.Count();
        return figures;
    }

    /// <summary>The name of a category's share of right answers among the figures.</summary>
    public static string CategoryFigure(string category) => "accuracy_" + category;
}
