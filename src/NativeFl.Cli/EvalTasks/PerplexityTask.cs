using System.Text.Json.Nodes;
using NativeFl.Cli.Flags;
using NativeFl.Data;
using NativeFl.Evaluation;
using NativeFl.Finetuning;
using NativeFl.Models;
using NativeFl.Tensors;

namespace NativeFl.Cli.EvalTasks;

/// <summary>The mean loss of the counted tokens of --data.</summary>
internal sealed class PerplexityTask : IEvalTask
{
    private readonly VerbRun _run;
    private readonly IReadOnlyList<TokenizedExample> _examples;

    public PerplexityTask(VerbRun run, ModelInput input)
    {
        _run = run;
        _examples = TrainingData.Load(run, run.Get(DataFlags.Data), input.Config, input.Tokenizer);
        if (_examples.All(e => e.CountedTokens == 0))
            throw new InvalidInputException(string.Join(' ', run.Get(DataFlags.Data)), "at least one token to score", "none");
    }

    /// <inheritdoc/>
    public EvalFigure Measure(Transformer model, AdapterStack? adapter, Action<int, int> onItems)
    {
        using var scorer = new TokenScorer(model, adapter);
        PerplexityResult result = Perplexity.Measure(scorer, _examples, _run.Cancellation);
        string line = $"loss {Figures.WithError(result.Loss, result.StandardError)}, perplexity {Figures.Loss(result.Perplexity)}, {Figures.Count(result.Tokens)} tokens";
        return new EvalFigure("loss", result.Loss, result.StandardError, line, new JsonObject
        {
            ["loss"] = JsonOutput.Number(result.Loss),
            ["perplexity"] = JsonOutput.Number(result.Perplexity),
            ["tokens"] = result.Tokens,
            ["stderr"] = JsonOutput.Number(result.StandardError),
            ["examples"] = result.Examples,
        });
    }
}
