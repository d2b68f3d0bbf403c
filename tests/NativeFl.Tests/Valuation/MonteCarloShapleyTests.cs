using NativeFl.Tensors;
using NativeFl.Tensors.Cpu;
using NativeFl.Tests.Tensors;
using NativeFl.Valuation;

namespace NativeFl.Tests.Valuation;

/// <summary>Games that the backend computes: the same orders as the estimators', the laws over many seeds, and what the games are.</summary>
public sealed class MonteCarloShapleyTests : IDisposable
{
    private const int Players = 11;

    private static readonly string[] GameNames = ["additive", "quadratic", "wide quadratic", "voting", "neighbours"];
    private static readonly string[] Kinds = ["permutation", "antithetic", "stratified"];

    private readonly CpuBackend _backend = new(new CpuBackendOptions { Threads = 2 });

    public void Dispose() => _backend.Dispose();

    [OneTimeTearDown]
    public void GiveBack()
    {
        Assert.That(_backend.AllocatedBytes, Is.Zero);
        Dispose();
    }

    [Test]
    public void Its_orders_are_those_of_the_estimators([ValueSource(nameof(GameNames))] string name, [ValueSource(nameof(Kinds))] string kind)
    {
        IDeviceGame game = Make(name);
        IValueEstimator estimator = kind switch
        {
            "permutation" => new PermutationShapley(Players, 12, 5),
            "antithetic" => new AntitheticShapley(Players, 12, 5),
            _ => new StratifiedShapley(Players, 4, 12, 5),
        };
        IReadOnlyList<PlayerValue> expected = estimator.Estimate(Games.Play(estimator, game.Value));
        IReadOnlyList<PlayerValue> got = new MonteCarloShapley(_backend).Estimate(game, Orders(kind, 5, 12));
        for (int i = 0; i < Players; i++)
        {
            Assert.That(got[i].Value, Is.EqualTo(expected[i].Value).Within(1e-5));
            Assert.That(got[i].StandardError, Is.EqualTo(expected[i].StandardError).Within(1e-5));
            Assert.That(got[i].Marginals, Is.EqualTo(expected[i].Marginals));
        }
    }

    [Test]
    public void Its_mean_over_seeds_is_the_value([Values("quadratic", "voting", "neighbours")] string name, [ValueSource(nameof(Kinds))] string kind)
    {
        IDeviceGame game = Make(name);
        double[] truth = Exact(game);
        double[][] runs = [.. Enumerable.Range(0, 3000).Select(seed => Values(game, Orders(kind, (ulong)seed, 2)))];
        for (int i = 0; i < Players; i++)
        {
            double mean = runs.Average(run => run[i]), error = Math.Sqrt(runs.Sum(run => Math.Pow(run[i] - mean, 2)) / (runs.Length - 1) / runs.Length);
            Assert.That(mean, Is.EqualTo(truth[i]).Within((4 * error) + 1e-6), $"player {i}");
        }
    }

    // 2,000 seeds: the share of hits of one player is known to half a per cent.
    [Test]
    public void Error_bars_are_honest([Values("permutation", "antithetic", "stratified")] string kind)
    {
        IDeviceGame game = Make("neighbours");
        double[] truth = Exact(game);
        int[] hits = new int[Players];
        for (ulong seed = 0; seed < 2000; seed++)
        {
            IReadOnlyList<PlayerValue> estimate = new MonteCarloShapley(_backend).Estimate(game, Orders(kind, seed, 150));
            for (int i = 0; i < Players; i++)
            {
                if (Math.Abs(estimate[i].Value - truth[i]) <= 1.96 * estimate[i].StandardError!.Value) hits[i]++;
            }
        }

        Assert.That(hits.Select(count => count / 2000.0), Is.All.InRange(0.92, 0.98));
    }

    [Test]
    public void Values_add_up_and_those_who_count_the_same_are_worth_the_same([ValueSource(nameof(GameNames))] string name)
    {
        IDeviceGame game = Make(name);
        double gain = game.Value(Coalition.All(Players)) - game.Value(Coalition.None(Players));
        Assert.That(Values(game, new PlayerOrders(3, 40)).Sum(), Is.EqualTo(gain).Within(1e-4));
        var twins = new VotingGame(new[] { 3, 3, 2, 1 }, 5);
        PlayerValue[] values = [.. new MonteCarloShapley(_backend).Estimate(twins, new PlayerOrders(1, 20_000))];
        Assert.That(values[0].Value, Is.EqualTo(values[1].Value).Within(4 * (values[0].StandardError!.Value + values[1].StandardError!.Value)));
    }

    // More blocks than one call of the device takes.
    [Test]
    public void Calls_of_the_device_add_up()
    {
        var game = new VotingGame(new[] { 4, 3, 2, 1 }, 6);
        IReadOnlyList<PlayerValue> whole = new MonteCarloShapley(_backend).Estimate(game, new PlayerOrders(2, 100_000));
        IReadOnlyList<PlayerValue> first = new MonteCarloShapley(_backend).Estimate(game, new PlayerOrders(2, 65_536));
        IReadOnlyList<PlayerValue> second = new MonteCarloShapley(_backend).Estimate(game, new PlayerOrders(2, 34_464) { First = 65_536 });
        for (int i = 0; i < 4; i++) Assert.That(whole[i].Value, Is.EqualTo(((65_536 * first[i].Value) + (34_464 * second[i].Value)) / 100_000).Within(1e-12));
        Assert.That(Exact(game), Is.EqualTo(whole.Select(value => value.Value)).Within(4 * whole.Max(value => value.StandardError!.Value)));
        using var cancelled = new CancellationTokenSource();
        cancelled.Cancel();
        Assert.That(() => new MonteCarloShapley(_backend).Estimate(game, new PlayerOrders(2, 1), cancelled.Token), Throws.InstanceOf<OperationCanceledException>());
    }

    [Test]
    public void A_step_along_gradients_wins_what_a_quadratic_loss_loses()
    {
        // loss(x) = ½ (x − x*)ᵀ H (x − x*), H = diag; its gradient at 0 is −H x*, and a step from 0 goes to −η Σ g_i.
        float[] curvature = [1, 4, 0.25f], target = [2, -1, 3], gradients = Sample.Normal(5 * 3, 3);
        float[] validation = [.. curvature.Zip(target, (h, t) => -h * t)];
        QuadraticGame game = QuadraticGame.OfGradients(gradients, validation, 0.1, curvature);
        Coalition some = Coalition.Of(5, [0, 2, 3]);
        double Loss(double[] x) => x.Select((value, c) => 0.5 * curvature[c] * Math.Pow(value - target[c], 2)).Sum();
        double[] step = [.. Enumerable.Range(0, 3).Select(c => -0.1 * some.Members.Sum(i => (double)gradients[(i * 3) + c]))];
        Assert.That(game.Value(some), Is.EqualTo(Loss(new double[3]) - Loss(step)).Within(1e-6));
        Assert.That(() => QuadraticGame.OfGradients(gradients, new float[4], 1), Throws.ArgumentException.With.Message.Contains("rows of 4"));
        Assert.That(() => new QuadraticGame(new float[3], new float[4]), Throws.ArgumentException);
        Assert.That(() => new NeighbourGame([1, 2], [0, 1], [1, 2, 3], [0], 1), Throws.ArgumentException);
    }

    [Test]
    public void The_nearest_of_the_own_class_are_worth_most()
    {
        var game = new NeighbourGame([0, 1, 2, 3], [1, 1, 0, 1], [-0.5f], [1], 2);
        Assert.That(game.Value(Coalition.Of(4, [0, 1])), Is.EqualTo(1));
        Assert.That(game.Value(Coalition.Of(4, [1, 2, 3])), Is.EqualTo(0.5), "of 1, 2 and 3 the two nearest are 1 and 2");
        Assert.That(game.Value(Coalition.Of(4, [3])), Is.EqualTo(0.5), "one of two");
        double[] values = Values(game, new PlayerOrders(1, 5000));
        Assert.That(values, Is.EqualTo(Exact(game)).Within(0.03));
        Assert.That(values[0], Is.GreaterThan(values[3]).And.GreaterThan(values[2]));
    }

    // The same table through the op and through the estimators.
    [Test]
    public void The_sums_of_a_table_are_what_the_estimators_make_of_it()
    {
        const int players = 6;
        Func<Coalition, double> game = Games.Arbitrary(players, 5);
        CoalitionValues measured = Games.Play(new ExactShapley(players), game);
        Coalition[] sets = [.. Enumerable.Range(0, 1 << players).Select(set => Games.Of(players, set))];
        double[] values = [.. sets.Select(set => game(set) - game(Coalition.None(players)))];
        double[] weights = [.. sets.SelectMany(set => new[] { 1, Kernel(players, set.Count) })];
        int[] steps =
        [
            .. Enumerable.Range(0, 9).SelectMany(j => PermutationBlocks.Order(players, 4, j).Select((player, k) => (j, player, k))).SelectMany(step =>
            {
                int before = PermutationBlocks.Order(players, 4, step.j).Take(step.k).Sum(player => 1 << player);
                return new[] { before, before | (1 << step.player), step.player };
            }),
        ];
        (double[] sums, double[] normal) = Table(players, [.. Enumerable.Range(0, 1 << players)], values, weights, steps);
        IReadOnlyList<PlayerValue> permutation = new PermutationShapley(players, 9, 4).Estimate(measured);
        double[] banzhaf = Games.Banzhaf(players, game), regression = Games.Values(new KernelShap(players, 63, 1), game);
        double[] solved = Constrained(normal, players, values[^1]);
        for (int i = 0; i < players; i++)
        {
            double[] own = sums[(9 * i)..((9 * i) + 9)];
            Assert.That(own[1] / own[0], Is.EqualTo(permutation[i].Value).Within(1e-12));
            Assert.That(Math.Sqrt((own[2] - (own[1] * own[1] / own[0])) / (own[0] - 1) / own[0]), Is.EqualTo(permutation[i].StandardError).Within(1e-12));
            Assert.That((own[4] / own[3]) - (own[7] / own[6]), Is.EqualTo(banzhaf[i]).Within(1e-12));
            Assert.That(solved[i], Is.EqualTo(regression[i]).Within(1e-9));
        }
    }

    private static double Kernel(int n, int size) => size == 0 || size == n ? 0 : 1.0 / (Binomial(n, size) * size * (n - size));

    private static double Binomial(int n, int k) => Enumerable.Range(1, k).Aggregate(1.0, (product, i) => product * (n - k + i) / i);

    /// <summary>φ that minimises φᵀ A φ − 2 bᵀ φ with Σ φ = gain, by elimination with a Lagrange multiplier.</summary>
    private static double[] Constrained(double[] normal, int n, double gain)
    {
        var system = new double[n + 1, n + 2];
        for (int i = 0; i < n; i++)
        {
            for (int j = 0; j < n; j++) system[i, j] = normal[(i * (n + 1)) + j];
            (system[i, n], system[n, i], system[i, n + 1]) = (1, 1, normal[(i * (n + 1)) + n]);
        }

        system[n, n + 1] = gain;
        for (int pivot = 0; pivot <= n; pivot++)
        {
            for (int row = 0; row <= n; row++)
            {
                if (row == pivot) continue;
                double factor = system[row, pivot] / system[pivot, pivot];
                for (int column = 0; column <= n + 1; column++) system[row, column] -= factor * system[pivot, column];
            }
        }

        return [.. Enumerable.Range(0, n).Select(i => system[i, n + 1] / system[i, i])];
    }

    private (double[] Sums, double[] Normal) Table(int players, int[] sets, double[] values, double[] weights, int[] steps)
    {
        using DeviceOperand coalitions = DeviceOperand.Of(_backend, sets, sets.Length, 1), moves = DeviceOperand.Of(_backend, steps, steps.Length / 3, 3);
        using DeviceOperand v = DeviceOperand.Empty(_backend, values.Length, 1, DType.F64), w = DeviceOperand.Empty(_backend, values.Length, 2, DType.F64);
        using DeviceOperand sums = DeviceOperand.Empty(_backend, players, 9, DType.F64), normal = DeviceOperand.Empty(_backend, players, players + 1, DType.F64);
        _backend.Upload<double>(values, v.View);
        _backend.Upload<double>(weights, w.View);
        _backend.ShapleyTable(coalitions.View, v.View, w.View, moves.View, sums.View, normal.View);
        double[] first = new double[9 * players], second = new double[players * (players + 1)];
        _backend.Download<double>(sums.View, first);
        _backend.Download<double>(normal.View, second);
        return (first, second);
    }

    private static IDeviceGame Make(string name) => name switch
    {
        "additive" => new AdditiveGame(Sample.Normal(Players, 1)),
        "quadratic" => new QuadraticGame(Sample.Normal(Players, 2), Sample.Normal(Players * 6, 3)),
        "wide quadratic" => new QuadraticGame(Sample.Normal(Players, 2), Sample.Normal(Players * 20, 3)),
        "voting" => new VotingGame(Sample.Integers(Players, 30, 4), 90),
        _ => new NeighbourGame(Sample.Normal(Players * 3, 5), Sample.Integers(Players, 2, 6), Sample.Normal(9 * 3, 7), Sample.Integers(9, 2, 8), 3),
    };

    private static PlayerOrders Orders(string kind, ulong seed, int blocks) => kind switch
    {
        "permutation" => new PlayerOrders(seed, blocks),
        "antithetic" => new PlayerOrders(seed, blocks) { IsReversed = true },
        _ => new PlayerOrders(seed, blocks) { Turns = 4 },
    };

    private static double[] Exact(IDeviceGame game) => Games.Values(new ExactShapley(game.Players), game.Value);

    private double[] Values(IDeviceGame game, PlayerOrders orders) =>
        [.. new MonteCarloShapley(_backend).Estimate(game, orders).Select(value => value.Value)];
}
