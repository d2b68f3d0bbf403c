using NativeFl.Tensors;

namespace NativeFl.Valuation;

/// <summary>
/// Banzhaf's values, not Shapley's: the mean marginal over all coalitions of the others, each as likely as any. From coalitions that each
/// player enters with probability ½, as mean v with the player − mean v without it, so that every value serves every player (maximum sample
/// reuse; Wang and Jia 2023, arXiv:2205.15466, section 4.3). Of the common values it is the one that noise in v disturbs least. On an additive game both
/// values have the same expectation.
/// </summary>
public sealed class BanzhafSampling : IValueEstimator
{
    private readonly ulong _seed;

    /// <summary>From so many coalitions.</summary>
    /// <param name="players">Players of the game.</param>
    /// <param name="samples">Coalitions, each a fine-tuning.</param>
    /// <param name="seed">The j-th coalition follows from it and j.</param>
    /// <exception cref="InvalidInputException">Fewer than two: there would be no difference.</exception>
    public BanzhafSampling(int players, int samples, ulong seed)
    {
        if (samples < 2) throw new InvalidInputException("--budget", "at least 2 fine-tunings, for a difference", $"{samples}");
        (Players, FineTunings, _seed) = (players, samples, seed);
    }

    /// <inheritdoc/>
    public string Name => "banzhaf";

    /// <inheritdoc/>
    public int Players { get; }

    /// <inheritdoc/>
    public int FineTunings { get; }

    /// <inheritdoc/>
    public IReadOnlyList<Coalition> Next(CoalitionValues values)
    {
        ArgumentNullException.ThrowIfNull(values);
        return [.. Samples().Where(sample => !values.Has(sample)).Distinct()];
    }

    /// <inheritdoc/>
    public IReadOnlyList<PlayerValue> Estimate(CoalitionValues values)
    {
        ArgumentNullException.ThrowIfNull(values);
        RunningMean[] with = new RunningMean[Players], without = new RunningMean[Players];
        foreach (Coalition sample in Samples())
        {
            if (values[sample] is not { } value) continue;
            for (int player = 0; player < Players; player++) (sample[player] ? with : without)[player].Add(value);
        }

        return
        [
            .. with.Zip(without, (a, b) => new PlayerValue(
                a.Mean - b.Mean,
                a.StandardError is { } ea && b.StandardError is { } eb ? Math.Sqrt((ea * ea) + (eb * eb)) : null,
                a.Count + b.Count)),
        ];
    }

    private IEnumerable<Coalition> Samples() => Enumerable.Range(0, FineTunings).Select(j =>
    {
        var bits = new Philox(_seed, (ulong)j);
        int[] members = [.. Enumerable.Range(0, Players).Where(_ => bits.NextUInt32() >> 31 != 0)];
        return Coalition.Of(Players, members);
    });
}
