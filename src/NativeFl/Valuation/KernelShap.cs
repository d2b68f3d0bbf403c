using NativeFl.LayerDropping;
using NativeFl.Tensors;

namespace NativeFl.Valuation;

/// <summary>
/// Shapley's values as a regression: among all φ with Σ φ = v(all) − v(none), the one that minimises Σ_S μ(S) (v(S) − v(none) − Σ_{i ∈ S} φ_i)²
/// with μ(S) ∝ (n − 1) / (C(n, s) s (n − s)), s players being in S (Lundberg and Lee 2017, arXiv:1705.07874, theorem 2). With every coalition
/// measured it is exact. Else the players alone and all but one, which weigh most and tell all players apart, are always measured, and the rest
/// is drawn from μ, each coalition with its complement (Covert and Lee 2021, arXiv:2012.01536, section 4.2): consistent.
/// </summary>
/// <remarks>
/// With z the indicator of S, A = Σ μ z zᵀ, b = Σ μ z (v(S) − v(none)): φ = A⁻¹ (b − λ 1), λ such that the constraint holds. Its covariance is
/// P G P with P = A⁻¹ − A⁻¹ 1 1ᵀ A⁻¹ / 1ᵀ A⁻¹ 1 and G that of the drawn part of Σ μ z (v(S) − v(none) − zᵀ φ), a pair being what was drawn.
/// </remarks>
public sealed class KernelShap : IValueEstimator
{
    private readonly ulong _seed;
    private readonly bool _isExhaustive;

    /// <summary>With so many fine-tunings.</summary>
    /// <param name="players">Players of the game.</param>
    /// <param name="budget">Fine-tunings; from 2ⁿ − 1 on every coalition is measured.</param>
    /// <param name="seed">The j-th pair of coalitions follows from it and j.</param>
    /// <exception cref="InvalidInputException">Not enough for the players alone and all but one.</exception>
    public KernelShap(int players, int budget, ulong seed)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(players);
        _isExhaustive = players <= ExactShapley.MostPlayers && budget >= (1 << players) - 1;
        int least = players <= 3 ? (1 << players) - 1 : (2 * players) + 1;
        if (budget < least) throw new InvalidInputException("--budget", $"at least {least} fine-tunings, for a regression on {players} players", $"{budget}");
        FineTunings = _isExhaustive ? (1 << players) - 1 : budget;
        (Players, _seed) = (players, seed);
    }

    /// <inheritdoc/>
    public string Name => "kernel-shap";

    /// <inheritdoc/>
    public int Players { get; }

    /// <inheritdoc/>
    public int FineTunings { get; }

    /// <inheritdoc/>
    public IReadOnlyList<Coalition> Next(CoalitionValues values)
    {
        ArgumentNullException.ThrowIfNull(values);
        return
        [
            .. new[] { Coalition.None(Players), Coalition.All(Players) }.Concat(Always()).Concat(Pairs().SelectMany(pair => pair))
                .Where(coalition => !values.Has(coalition)).Distinct(),
        ];
    }

    /// <inheritdoc/>
    /// <exception cref="RunFailedException">v of all or of nobody was left out, or what is left does not tell the players apart.</exception>
    public IReadOnlyList<PlayerValue> Estimate(CoalitionValues values)
    {
        ArgumentNullException.ThrowIfNull(values);
        if (values[Coalition.None(Players)] is not { } none || values[Coalition.All(Players)] is not { } all)
            throw new RunFailedException("kernel-shap: the value of all players or of none is not finite");
        if (Players == 1) return [new PlayerValue(all - none, 0, 1)];
        Coalition[] fixedSets = [.. Always().Where(c => values[c] is not null)];
        Coalition[][] pairs = [.. Pairs().Select(pair => pair.Where(c => values[c] is not null).ToArray()).Where(pair => pair.Length > 0)];
        int drawn = pairs.Sum(pair => pair.Length);
        double share = drawn == 0 ? 0 : Enumerable.Range(2, Math.Max(0, Players - 3)).Sum(size => OfSize(size)) / drawn;
        double[] a = new double[Players * Players], b = new double[Players];
        foreach (Coalition c in fixedSets) Accumulate(c, OfSize(c.Count) / Choose(Players, c.Count), values[c]!.Value - none, a, b);
        foreach (Coalition c in pairs.SelectMany(pair => pair)) Accumulate(c, share, values[c]!.Value - none, a, b);
        var factor = new Cholesky(a, Players);
        if (factor.BadPivot is not null)
            throw new RunFailedException($"kernel-shap: {fixedSets.Length + drawn} coalitions do not tell {Players} players apart");
        double[] ones = [.. Enumerable.Repeat(1.0, Players)];
        factor.Solve(b, 1);
        factor.Solve(ones, 1);
        double lambda = (b.Sum() - (all - none)) / ones.Sum();
        double[] phi = [.. b.Zip(ones, (x, y) => x - (lambda * y))];
        double?[] errors = _isExhaustive
            ? [.. phi.Select(_ => fixedSets.Length == FineTunings - 1 ? (double?)0 : null)]
            : Errors([.. pairs.Select(pair => Moved(pair, share, values, none, phi))], factor, ones);
        return [.. phi.Select((value, player) => new PlayerValue(value, errors[player], fixedSets.Length + drawn))];
    }

    private void Accumulate(Coalition coalition, double weight, double value, double[] a, double[] b)
    {
        int[] members = [.. coalition.Members];
        foreach (int i in members)
        {
            b[i] += weight * value;
            foreach (int j in members) a[(i * Players) + j] += weight;
        }
    }

    /// <summary>What a pair adds to Σ μ z (v(S) − v(none) − zᵀ φ).</summary>
    private double[] Moved(Coalition[] pair, double share, CoalitionValues values, double none, double[] phi)
    {
        var sum = new double[Players];
        foreach (Coalition coalition in pair)
        {
            int[] members = [.. coalition.Members];
            double residual = values[coalition]!.Value - none - members.Sum(i => phi[i]);
            foreach (int i in members) sum[i] += share * residual;
        }

        return sum;
    }

    private double?[] Errors(double[][] moved, Cholesky factor, double[] ones)
    {
        if (moved.Length < 2) return new double?[Players];
        double[] mean = [.. Enumerable.Range(0, Players).Select(i => moved.Average(sum => sum[i]))];
        var squares = new double[Players];
        foreach (double[] sum in moved)
        {
            double[] change = [.. sum.Zip(mean, (x, y) => x - y)];
            factor.Solve(change, 1);
            double along = change.Sum() / ones.Sum();
            for (int i = 0; i < Players; i++) squares[i] += Math.Pow(change[i] - (along * ones[i]), 2);
        }

        return [.. squares.Select(square => (double?)Math.Sqrt(square * moved.Length / (moved.Length - 1)))];
    }

    /// <summary>Every coalition, or the players alone and all but one.</summary>
    private IEnumerable<Coalition> Always() => _isExhaustive
        ? Enumerable.Range(1, (1 << Players) - 2).Select(set => Coalition.Of(Players, Enumerable.Range(0, Players).Where(player => (set >> player & 1) != 0)))
        : Enumerable.Range(0, Players).SelectMany(player => new[] { Coalition.None(Players).With(player), Coalition.All(Players).Without(player) });

    /// <summary>Coalitions of 2 to n − 2 players, drawn from μ.</summary>
    private IEnumerable<Coalition[]> Pairs()
    {
        if (_isExhaustive) yield break;
        double[] upTo = new double[Players - 1];
        for (int size = 2; size < upTo.Length; size++) upTo[size] = upTo[size - 1] + OfSize(size);
        for (int j = 0; j < (FineTunings - 1 - (2 * Players)) / 2; j++)
        {
            var draws = new Philox(_seed, (ulong)j);
            double u = draws.NextDouble() * upTo[^1];
            int size = 2;
            while (size < upTo.Length - 1 && upTo[size] <= u) size++;
            int[] players = [.. Enumerable.Range(0, Players)];
            draws.Shuffle<int>(players);
            Coalition coalition = Coalition.Of(Players, players.Take(size));
            yield return [coalition, coalition.Complement()];
        }
    }

    /// <summary>μ of all coalitions of so many players together, up to a factor.</summary>
    private double OfSize(int size) => 1.0 / ((double)size * (Players - size));

    private static double Choose(int n, int k)
    {
        double product = 1;
        for (int i = 1; i <= k; i++) product = product * (n - k + i) / i;
        return product;
    }
}
