using NativeFl.Data;
using NativeFl.Evaluation;
using NativeFl.Finetuning;
using NativeFl.Models;

namespace NativeFl.Cli;

/// <summary>Examples that a run is measured on and not trained on.</summary>
/// <param name="Examples">The examples.</param>
/// <param name="Every">Steps between measurements.</param>
internal sealed record HeldOutSet(IReadOnlyList<TokenizedExample> Examples, int Every)
{
    /// <summary>The loss of a model, with adapters or without; cancelled between batches.</summary>
    public PerplexityResult Measure(Transformer model, AdapterStack? stack, CancellationToken cancellation)
    {
        using var scorer = new TokenScorer(model, stack);
        return Perplexity.Measure(scorer, Examples, cancellation);
    }
}
