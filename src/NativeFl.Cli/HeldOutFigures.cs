using NativeFl.Evaluation;
using NativeFl.Federation;
using NativeFl.Models;

namespace NativeFl.Cli;

/// <summary>The figures that federate and quickstart measure on held-out data.</summary>
internal static class HeldOutFigures
{
    /// <summary>The mean loss over the counted tokens, and its standard error.</summary>
    public const string Loss = "loss", LossError = "stderr";

    /// <summary>The share of answers that are right to the letter, and its standard error.</summary>
    public const string Accuracy = "accuracy", AccuracyError = "accuracy_stderr";

    /// <summary>The loss of a server's model on held-out examples; cancelled between batches.</summary>
    public static Dictionary<string, double> Measure(ServerModel model, HeldOutSet heldOut, CancellationToken cancellation)
    {
        using Finetuning.AdapterStack? stack = model.OpenStack();
        using var scorer = new TokenScorer(model.Base, stack, model.Weights);
        PerplexityResult result = Perplexity.Measure(scorer, heldOut.Examples, cancellation);
        Dictionary<string, double> figures = new() { [Loss] = result.Loss };
        if (result.StandardError is { } error) figures[LossError] = error;
        return figures;
    }
}
