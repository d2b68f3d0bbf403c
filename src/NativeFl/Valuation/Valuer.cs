namespace NativeFl.Valuation;

/// <summary>Measures what an estimator wants, as many coalitions at once as suit the utility, and hands on every value as it comes.</summary>
/// <param name="utility">The game.</param>
/// <param name="values">What is known of it already; grows.</param>
/// <param name="onBatch">Told of the coalitions that were measured side by side and their values, null where one is left out: the place to store them.</param>
public sealed class Valuer(
    ICoalitionGame utility, CoalitionValues values, Action<IReadOnlyList<KeyValuePair<Coalition, double?>>>? onBatch = null)
{
    /// <summary>Fine-tunings so far: coalitions measured here, the empty one and second attempts not counted.</summary>
    public int FineTunings { get; private set; }

    /// <summary>The players' values.</summary>
    /// <param name="estimator">How.</param>
    /// <param name="onProgress">Told after every batch: (fine-tunings made here, those that are left at most).</param>
    /// <param name="cancellation">Polled between batches; what was measured stays.</param>
    /// <remarks>v of nobody and of all are measured whatever the estimator wants. A value that is not finite is measured once more, and then left out.</remarks>
    public IReadOnlyList<PlayerValue> Estimate(
        IValueEstimator estimator, Action<int, int>? onProgress = null, CancellationToken cancellation = default)
    {
        Measure(estimator, stop: null, onProgress, cancellation);
        return estimator.Estimate(values);
    }

    /// <summary>Measures what an estimator wants, until a stop is asked for.</summary>
    /// <param name="estimator">Who wants it.</param>
    /// <param name="stop">Asked before every batch, with what is to come; null: never.</param>
    /// <param name="onProgress">Told after every batch: (fine-tunings made here, those that are left at most).</param>
    /// <param name="cancellation">Polled between batches; what was measured stays.</param>
    /// <returns>Whether it has all it wants.</returns>
    public bool Measure(
        IValueEstimator estimator, Func<IReadOnlyList<Coalition>, bool>? stop, Action<int, int>? onProgress = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(estimator);
        if (estimator.Players != utility.Players || values.Players != utility.Players)
            throw new ArgumentException($"an estimator of {estimator.Players} and values of {values.Players} players for a game of {utility.Players}", nameof(estimator));
        while (Wanted(estimator, values) is { Count: > 0 } wanted)
        {
            foreach (Coalition[] batch in wanted.Chunk(Math.Max(1, utility.AtOnce)))
            {
                cancellation.ThrowIfCancellationRequested();
                if (stop?.Invoke(batch) == true) return false;
                Measure(batch, cancellation);
                onProgress?.Invoke(FineTunings, Math.Max(0, estimator.FineTunings - FineTunings));
            }
        }

        return true;
    }

    /// <summary>What is measured next for an estimator: v of nobody and of all where they are not known, and what it wants.</summary>
    /// <param name="estimator">Who wants it.</param>
    /// <param name="values">What is known.</param>
    public static IReadOnlyList<Coalition> Wanted(IValueEstimator estimator, CoalitionValues values)
    {
        ArgumentNullException.ThrowIfNull(estimator);
        ArgumentNullException.ThrowIfNull(values);
        Coalition[] ends = [.. new[] { Coalition.None(estimator.Players), Coalition.All(estimator.Players) }.Where(end => !values.Has(end))];
        return [.. ends.Concat(estimator.Next(values)).Distinct()];
    }

    /// <summary>The fine-tunings that an estimator's values rest on, as if nothing had been measured before and nothing for others.</summary>
    /// <param name="estimator">Whose.</param>
    /// <param name="values">A table that has all it wants.</param>
    public static int FineTuningsOf(IValueEstimator estimator, CoalitionValues values)
    {
        ArgumentNullException.ThrowIfNull(values);
        var own = new CoalitionValues(values.Players);
        while (Wanted(estimator, own) is { Count: > 0 } wanted)
        {
            foreach (Coalition coalition in wanted) own.Add(coalition, values[coalition]);
        }

        return own.Count - 1;
    }

    private void Measure(Coalition[] batch, CancellationToken cancellation)
    {
        IReadOnlyList<double> measured = utility.Measure(batch, cancellation);
        var kept = new KeyValuePair<Coalition, double?>[batch.Length];
        for (int i = 0; i < batch.Length; i++)
        {
            double value = measured[i];
            if (!double.IsFinite(value)) value = utility.Measure([batch[i]], cancellation)[0];
            kept[i] = new(batch[i], double.IsFinite(value) ? value : null);
        }

        foreach ((Coalition coalition, double? value) in kept)
        {
            values.Add(coalition, value);
            if (coalition.Count > 0) FineTunings++;
        }

        onBatch?.Invoke(kept);
    }
}
