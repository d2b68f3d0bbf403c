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
    /// <summary>The smallest budget: v of all, and two samples for a difference.</summary>
    internal const int Least = 3;

    private readonly ulong _seed;

    /// <summary>With so many fine-tunings.</summary>
    /// <param name="players">Players of the game.</param>
    /// <param name="budget">Fine-tunings: one is v of all, which is measured whatever is wanted, and each of the others a sample.</param>
    /// <param name="seed">The j-th sample follows from it and j.</param>
    /// <exception cref="InvalidInputException">Fewer than two samples: there would be no difference.</exception>
    public BanzhafSampling(int players, int budget, ulong seed)
    {
        if (budget < Least) throw new InvalidInputException("--budget", $"at least {Least} fine-tunings, for a difference and all", $"{budget}");
        (Players, FineTunings, _seed) = (players, budget, seed);
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

    private IEnumerable<Coalition> Samples() => Enumerable.Range(0, FineTunings - 1).Select(j =>
    {
        var bits = new Philox(_seed, (ulong)j);
        int[] members = [.. Enumerable.Range(0, Players).Where(_ => bits.NextUInt32() >> 31 != 0)];
        return Coalition.Of(Players, members);
    });
}
