using NativeFl.Data;
using NativeFl.Models;
using NativeFl.Tensors;

namespace NativeFl.DataRefinement;

/// <summary>
/// Embeds a record by the base model itself: the mean over its tokens of the last hidden state, under the final norm as the head reads it and as
/// Transformers gives it for last_hidden_state. Under the norm every token has the same say; before it, a few tokens of huge length, such as the
/// first, would decide the mean. There is no padding to leave out: sequences lie one after another and see only themselves.
/// </summary>
public sealed class HiddenStateEmbedder
{
    private readonly Transformer _model;
    private readonly int _maxRows;

    /// <summary>Makes an embedder.</summary>
    /// <param name="model">The base.</param>
    /// <param name="maxRows">Token rows of a pass; a longer record gets a pass of its own length.</param>
    public HiddenStateEmbedder(Transformer model, int maxRows = 2048)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(maxRows);
        (_model, _maxRows) = (model, maxRows);
    }

    /// <summary>Embeds records.</summary>
    /// <param name="examples">One sequence a record; all its tokens count, whatever their labels.</param>
    /// <param name="onRecord">Told how many records are done.</param>
    /// <param name="cancellation">Polled between passes.</param>
    /// <returns>Means summed in double over tokens in order, as wide as the model.</returns>
    /// <exception cref="InvalidInputException">A sequence is empty.</exception>
    /// <exception cref="RunFailedException">A hidden state is not finite.</exception>
    public Embeddings Embed(IReadOnlyList<TokenizedExample> examples, Action<int>? onRecord = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(examples);
        if (examples.FirstOrDefault(example => example.InputIds.Length == 0) is { } empty)
            throw new InvalidInputException("--data", "at least one token a record", $"none in record {empty.Id}");
        int width = _model.Config.HiddenSize, rows = Math.Max(_maxRows, examples.Select(e => e.InputIds.Length).DefaultIfEmpty(1).Max());
        float[] values = Embeddings.Room(examples.Count, width);
        var batch = new TokenBatch();
        using var pass = new TransformerPass(_model, new PassOptions { MaxRows = rows, MaxHeadRows = 1 });
        for (int first = 0; first < examples.Count;)
        {
            cancellation.ThrowIfCancellationRequested();
            int end = batch.Take(examples, first, _maxRows, counts: false);
            pass.Forward(batch);
            float[] states = pass.LastHiddenStates();
            int row = 0;
            for (; first < end; first++)
            {
                int length = examples[first].InputIds.Length;
                MeanPooling.Pool(states.AsSpan(row * width, length * width), values.AsSpan(first * width, width));
                row += length;
            }

            onRecord?.Invoke(first);
        }

        return new Embeddings(values, width);
    }
}
