using NativeFl.Data;

namespace NativeFl.Models;

/// <summary>
/// The floating-point operations of passes over a model, a multiplication and an addition being two. Matrix products and attention count; norms,
/// activations and the softmax, which are a few per value, do not.
/// </summary>
/// <param name="config">The model, at the depth that runs.</param>
public sealed class PassOperations(ModelConfig config)
{
    private readonly double _linear = config.Modules().Sum(module => (double)config.ShapeOf(module.Projection).Out * config.ShapeOf(module.Projection).In);
    private readonly double _attention =
        (double)config.Sublayers().Count(s => s.Kind == SublayerKind.Attention) * config.Heads * config.HeadWidth;

    /// <summary>
    /// A forward pass with losses: a token costs 2 (P + a), P the weights of the linear layers and a those of the adapters that it goes through; a
    /// document of n tokens 2 n² D_q a layer of attention, half of the square being masked; a counted token 2 C V in the head.
    /// </summary>
    /// <param name="examples">Sequences.</param>
    /// <param name="adapterValues">Σ r (in + out) over the adapted modules.</param>
    public double Forward(IReadOnlyList<TokenizedExample> examples, long adapterValues) =>
        Sum(examples, tokens: 2 * (_linear + adapterValues), pairs: 2 * _attention, counted: 2);

    /// <summary>
    /// Forward and backward with the base frozen: its products once more for the gradient of their inputs, 4 P; an adapter's twice more, 6 a;
    /// attention's two products five times, for the scores are computed again; the head's once more.
    /// </summary>
    /// <param name="examples">Sequences.</param>
    /// <param name="adapterValues">Σ r (in + out) over the adapted modules.</param>
    public double Training(IReadOnlyList<TokenizedExample> examples, long adapterValues) =>
        Sum(examples, tokens: (4 * _linear) + (6 * (double)adapterValues), pairs: 7 * _attention, counted: 4);

    private double Sum(IReadOnlyList<TokenizedExample> examples, double tokens, double pairs, double counted)
    {
        ArgumentNullException.ThrowIfNull(examples);
        double sum = 0, head = (double)config.HiddenSize * config.VocabularySize;
        foreach (TokenizedExample example in examples)
        {
            int length = example.InputIds.Length;
            sum += (tokens * length) + (counted * head * TokenBatch.CountTargets(example.Labels, example.Starts));
            for (int d = 0; d < example.Starts.Count; d++)
            {
                double document = (d + 1 < example.Starts.Count ? example.Starts[d + 1] : length) - example.Starts[d];
                sum += pairs * document * document;
            }
        }

        return sum;
    }
}
