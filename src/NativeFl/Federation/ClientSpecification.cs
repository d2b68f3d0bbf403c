using System.Globalization;
using NativeFl.Models;
using NativeFl.Tensors;

namespace NativeFl.Federation;

/// <summary>One client of a simulated federation.</summary>
public sealed record ClientSpecification
{
    /// <summary>Its number, from 0.</summary>
    public required int Id { get; init; }

    /// <summary>r_k; 0 = the client has data but trains nothing.</summary>
    public required int Rank { get; init; }

    /// <summary>α_k.</summary>
    public required double Alpha { get; init; }

    /// <summary>Which examples are its own, as indices into the run's data, in the order in which it keeps them.</summary>
    public required IReadOnlyList<int> Examples { get; init; }

    /// <summary>Local epochs where they differ from the run's.</summary>
    public double? Epochs { get; init; }

    /// <summary>What its model goes without: it trains nothing there, and neither holds nor is sent anything of it.</summary>
    public DroppedSublayers Dropped { get; init; } = DroppedSublayers.None;

    /// <summary>The bytes that its training may take, where a <see cref="MemoryBudget"/> set its rank and depth.</summary>
    public long? BudgetBytes { get; init; }

    /// <summary>The bytes that its training then takes.</summary>
    public long? PlannedBytes { get; init; }

    /// <summary>The clients of a partition.</summary>
    /// <param name="partition">By client, the indices of its examples.</param>
    /// <param name="ranks">One a client, or one for all.</param>
    /// <param name="alphas">One a client, one for all, or null: α_k = <paramref name="scaling"/> · r_k.</param>
    /// <param name="scaling">α_k / r_k where there are no alphas.</param>
    /// <exception cref="InvalidInputException">The counts do not match, or a value is out of range; it names the flag.</exception>
    public static IReadOnlyList<ClientSpecification> Create(
        IReadOnlyList<int[]> partition, IReadOnlyList<int> ranks, IReadOnlyList<double>? alphas = null, double scaling = 2)
    {
        ArgumentNullException.ThrowIfNull(partition);
        ArgumentNullException.ThrowIfNull(ranks);
        if (partition.Count == 0) throw new InvalidInputException("--clients", "at least one client", "0");
        CheckCount("--ranks", ranks.Count, partition.Count);
        if (alphas is not null) CheckCount("--alphas", alphas.Count, partition.Count);
        if (ranks.FirstOrDefault(r => r < 0) is var bad and < 0)
            throw new InvalidInputException("--ranks", "ranks of 0 or more", bad.ToString(CultureInfo.InvariantCulture));
        CheckPositive(alphas is null ? "--scaling" : "--alphas", alphas ?? [scaling]);
        return
        [
            .. partition.Select((examples, k) =>
            {
                int rank = ranks[ranks.Count == 1 ? 0 : k];
                double alpha = alphas is null ? scaling * rank : alphas[alphas.Count == 1 ? 0 : k];
                return new ClientSpecification { Id = k, Rank = rank, Alpha = alpha, Examples = examples };
            }),
        ];
    }

    internal static void CheckCount(string flag, int count, int clients)
    {
        if (count != 1 && count != clients)
        {
            throw new InvalidInputException(
                flag, string.Create(CultureInfo.InvariantCulture, $"one value or {clients}, one a client"),
                string.Create(CultureInfo.InvariantCulture, $"{count}"));
        }
    }

    private static void CheckPositive(string flag, IEnumerable<double> values)
    {
        foreach (double value in values)
        {
            if (!double.IsFinite(value) || value <= 0)
                throw new InvalidInputException(flag, "numbers above zero", value.ToString(CultureInfo.InvariantCulture));
        }
    }
}
