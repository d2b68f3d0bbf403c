using NativeFl.Data;
using NativeFl.Evaluation;
using NativeFl.Models;

namespace NativeFl.LayerDropping;

/// <summary>
/// The calibration loss of a model without each of some candidates, by itself. What lies before a candidate does not change when it goes: a
/// batch runs through the model once, keeping the residual stream before every candidate, and each candidate goes on from there. For n
/// sublayers that are n (n − 1) / 2 + n − 1 sublayer-forwards instead of n (n − 1), about half.
/// </summary>
/// <remarks>
/// A loss is that of the model without the candidate in a pass of its own, bit for bit. Memory: a pass, and one stream (rows, C) a candidate,
/// of the batch at hand; planned once, however much goes.
/// </remarks>
internal sealed class DeletionLosses : IDisposable
{
    private readonly IReadOnlyList<TokenizedExample> _samples;
    private readonly int _maxRows;
    private readonly TransformerPass _pass;
    private readonly TokenBatch _batch = new();

    /// <param name="model">The model.</param>
    /// <param name="samples">What the loss is of.</param>
    /// <param name="candidates">All that will ever be measured: neighbouring sublayers each.</param>
    /// <param name="maxRows">Token rows of a batch; a longer sample is one of its own.</param>
    public DeletionLosses(Transformer model, IReadOnlyList<TokenizedExample> samples, IEnumerable<IReadOnlyList<Sublayer>> candidates, int maxRows)
    {
        int rows = Math.Max(maxRows, samples.Select(s => s.InputIds.Length).DefaultIfEmpty(0).Max());
        (_samples, _maxRows) = (samples, maxRows);
        _pass = new TransformerPass(model, new PassOptions { MaxRows = rows, MaxHeadRows = rows, Kept = candidates.Select(c => c[0]).ToHashSet() });
    }

    /// <summary>From now on the model goes without these.</summary>
    public void Drop(DroppedSublayers sublayers) => _pass.Drop(sublayers);

    /// <summary>The loss without each candidate, none of them dropped yet; +∞ where it is not finite.</summary>
    /// <param name="candidates">Some of those planned for.</param>
    /// <param name="onSamples">Told of samples: (done, of).</param>
    /// <param name="cancellation">Polled between passes.</param>
    public double[] Measure(IReadOnlyList<IReadOnlyList<Sublayer>> candidates, Action<int, int>? onSamples, CancellationToken cancellation)
    {
        Sublayer[] running = [.. _pass.Sublayers];
        int[] places = [.. candidates.Select(candidate => Array.IndexOf(running, candidate[0]))];
        List<(double Sum, int Count)>[] sums = [.. candidates.Select(_ => new List<(double, int)>())];
        for (int first = 0, end; first < _samples.Count; first = end)
        {
            end = _batch.Take(_samples, first, _maxRows, counts: true);
            var losses = new float[_batch.HeadRows.Length];
            if (losses.Length == 0) continue;
            _pass.ForwardKept(_batch);
            for (int c = 0; c < candidates.Count; c++)
            {
                cancellation.ThrowIfCancellationRequested();
                onSamples?.Invoke(first + (int)((long)(end - first) * c / candidates.Count), _samples.Count);
                _pass.ForwardWithout(places[c], candidates[c].Count);
                _pass.Losses(losses);
                AddSums(losses, first, end, sums[c]);
            }
        }

        return
        [
            .. sums.Select(s => new ClusteredMean(s)).Select(mean =>
                mean.Count > 0 && !double.IsFinite(mean.Mean) ? double.PositiveInfinity : Perplexity.Of(mean).Loss),
        ];
    }

    /// <inheritdoc/>
    public void Dispose() => _pass.Dispose();

    private void AddSums(float[] losses, int first, int end, List<(double Sum, int Count)> sums)
    {
        int next = 0;
        for (int sample = first; sample < end; sample++)
        {
            int count = TokenBatch.CountTargets(_samples[sample].Labels, _samples[sample].Starts);
            double sum = 0;
            for (int stop = next + count; next < stop; next++) sum += losses[next];
            sums.Add((sum, count));
        }
    }
}
