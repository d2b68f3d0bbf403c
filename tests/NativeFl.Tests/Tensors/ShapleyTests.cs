using NativeFl.Tensors;

namespace NativeFl.Tests.Tensors;

internal abstract class ShapleyTests : OpTest
{
    // Players, columns, blocks, parts, turns: one, less than a warp, one more, several; columns for each number of registers, and for two runs.
    private static readonly (int Players, int Width, int Blocks, int Parts, int Turns)[] Shapes =
        [(1, 1, 3, 1, 1), (3, 0, 5, 2, 3), (5, 7, 40, 3, 1), (32, 32, 9, 4, 4), (33, 33, 17, 2, 1), (40, 65, 9, 1, 5), (70, 130, 11, 20, 1)];

    /// <summary>Orders for statements about means.</summary>
    protected abstract int Many { get; }

    [Test]
    public void Moments_of_the_quadratic_game_match_the_definition(
        [ValueSource(nameof(Shapes))] (int Players, int Width, int Blocks, int Parts, int Turns) shape, [Values] bool isReversed, [Values] bool isGram)
    {
        (int n, int width, int blocks, int parts, int turns) = shape;
        float[] gains = Sample.Normal(n, 1), rows = Sample.Normal(n * width, 2);
        var orders = new PlayerOrders(7, blocks) { Turns = turns, IsReversed = isReversed, First = 3 };
        double[] moments = isGram ? Gram(gains, rows, width, orders, parts) : Quadratic(gains, rows, width, orders, parts);
        double[] expected = Reference.Shapley.Moments(set => Reference.Shapley.Quadratic(gains.Wide(), rows.Wide(), width, set), n, orders);

        // Every sum has at most n (d + 1) terms, whose magnitudes add up to |gains[i]| + Σ_c |rows[i, c]| Σ_j |rows[j, c]|.
        double tolerance = Tolerance.For(DType.F32, (long)n * (width + 1));
        for (int i = 0; i < n; i++)
        {
            double terms = Math.Abs(gains[i]) + Enumerable.Range(0, width).Sum(c =>
                Math.Abs(rows[(i * width) + c]) * Enumerable.Range(0, n).Sum(j => (double)Math.Abs(rows[(j * width) + c])));
            Assert.That(moments[i] / blocks, Is.EqualTo(expected[i] / blocks).Within(tolerance * terms), $"mean of player {i}");
            Assert.That(moments[n + i] / blocks, Is.EqualTo(expected[n + i] / blocks).Within(3 * tolerance * terms * terms), $"square of player {i}");
        }
    }

    [Test]
    public void Moments_of_votes_match_the_definition([Values(1, 5, 31, 32, 33, 70)] int players, [Values] bool isReversed)
    {
        int[] weights = [.. Sample.Integers(players, 1_000_000_007, 3).Select(w => w - 200_000_000)]; // some against
        long quota = weights.Sum(w => (long)w) / 2;
        var orders = new PlayerOrders(ulong.MaxValue, 21) { Turns = Math.Min(2, players), IsReversed = isReversed };
        double[] expected = Reference.Shapley.Moments(set => Reference.Shapley.Voting(weights, quota, set), players, orders);
        Assert.That(Voting(weights, quota, orders, 4), Is.EqualTo(expected).Within(1e-12));
    }

    [TestCase(1, 1, 1)]
    [TestCase(6, 3, 2)]
    [TestCase(20, 33, 16)]
    [TestCase(40, 70, 5)]
    public void Moments_of_neighbours_match_the_definition(int players, int points, int neighbours)
    {
        int[] keys = Keys(players, points);
        var orders = new PlayerOrders(11, 13) { Turns = Math.Min(3, players) };
        double[] expected = Reference.Shapley.Moments(set => Reference.Shapley.Neighbours(keys, points, neighbours, set), players, orders);
        Assert.That(Neighbours(keys, players, neighbours, orders, 3), Is.EqualTo(expected).Within(1e-12));
    }

    // With every row 1 the marginal tells the place: −(place + ½).
    [Test]
    public void Orders_are_those_of_Philox_Shuffle([Values(2, 31, 100, 1000, 4096)] int players, [Values(0, 5)] int first)
    {
        double[] moments = Quadratic(new float[players], Ones(players), 1, new PlayerOrders(99, 1) { First = first }, 1);
        Assert.That(Places(moments, players), Is.EqualTo(Reference.Shapley.Block(players, new PlayerOrders(99, 1), first).Single()));
    }

    [Test]
    public void A_word_that_the_shuffle_refuses_moves_those_behind_it()
    {
        const int players = 4096;
        int first = Enumerable.Range(0, 10_000).First(j =>
        {
            var stream = new Philox(5, (ulong)j);
            stream.Shuffle<int>(new int[players]);
            return stream.Position > players - 1;
        });
        double[] moments = Quadratic(new float[players], Ones(players), 1, new PlayerOrders(5, 1) { First = first }, 1);
        Assert.That(Places(moments, players), Is.EqualTo(Reference.Shapley.Block(players, new PlayerOrders(5, 1), first).Single()));
    }

    [Test]
    public void Means_of_the_quadratic_game_are_Shapleys_values([Values] bool isReversed, [Values(1, 4)] int turns)
    {
        const int players = 12, width = 5;
        float[] gains = Sample.Normal(players, 3), rows = Sample.Normal(players * width, 4);
        double[] truth = Reference.Shapley.QuadraticValues(gains.Wide(), rows.Wide(), width);
        Assert.That(truth, Is.EqualTo(Reference.Shapley.ByEnumeration(set => Reference.Shapley.Quadratic(gains.Wide(), rows.Wide(), width, set), players)).Within(1e-10));
        var orders = new PlayerOrders(1, Many) { IsReversed = isReversed, Turns = turns };

        // Of an order and its reverse one has j before i: together they give a game of pairs exactly.
        AssertUnbiased(Quadratic(gains, rows, width, orders, 16), truth, Many, rounding: 1e-4, isExact: isReversed);
    }

    [Test]
    public void Means_of_votes_are_Shapleys_values()
    {
        int[] weights = [40, 25, 20, 10, 5, 3, 0, 9];
        double[] truth = Reference.Shapley.ByEnumeration(set => Reference.Shapley.Voting(weights, 57, set), weights.Length);
        AssertUnbiased(Voting(weights, 57, new PlayerOrders(2, Many), 16), truth, Many);
    }

    [Test]
    public void Means_of_neighbours_are_what_the_recursion_of_Jia_gives()
    {
        const int players = 9, points = 6, neighbours = 3;
        int[] keys = Keys(players, points);
        double[] truth = Reference.Shapley.NeighbourValues(keys, players, points, neighbours);
        Assert.That(truth, Is.EqualTo(Reference.Shapley.ByEnumeration(set => Reference.Shapley.Neighbours(keys, points, neighbours, set), players)).Within(1e-12));
        AssertUnbiased(Neighbours(keys, players, neighbours, new PlayerOrders(3, Many), 16), truth, Many);
    }

    [Test]
    public void An_additive_game_comes_out_exactly()
    {
        float[] gains = Sample.Normal(50, 8);
        double[] moments = Quadratic(gains, [], 0, new PlayerOrders(4, 64) { IsReversed = true }, 8);
        Assert.That(moments[..50].Select(sum => sum / 64), Is.EqualTo(gains.Wide()));
        Assert.That(moments[50..].Select(square => square / 64), Is.EqualTo(gains.Select(g => (double)g * g)).Within(1e-14));
    }

    [Test]
    public void What_all_have_over_none_is_shared_out_along_every_order()
    {
        int[] weights = Sample.Integers(60, 100, 5), keys = Keys(60, 10);
        Assert.That(Voting(weights, 900, new PlayerOrders(6, 30), 7)[..60].Sum(), Is.EqualTo(30));
        double all = Reference.Shapley.Neighbours(keys, 10, 4, [.. Enumerable.Range(0, 60)]);
        Assert.That(Neighbours(keys, 60, 4, new PlayerOrders(6, 30) { Turns = 2 }, 7)[..60].Sum(), Is.EqualTo(30 * all).Within(1e-10));
    }

    [Test]
    public void One_who_changes_nothing_gets_nothing_and_games_add_up()
    {
        float[] gains = Sample.Normal(20, 1), rows = Sample.Normal(20 * 9, 2), zero = new float[20];
        gains[6] = 0;
        rows.AsSpan(6 * 9, 9).Clear();
        var orders = new PlayerOrders(8, 25);
        double[] both = Quadratic(gains, rows, 9, orders, 3), first = Quadratic(gains, [], 0, orders, 3), second = Quadratic(zero, rows, 9, orders, 3);
        Assert.That((both[6], both[26]), Is.EqualTo((0.0, 0.0)));
        for (int i = 0; i < 20; i++) Assert.That(both[i], Is.EqualTo(first[i] + second[i]).Within(25 * 40 * Tolerance.For(DType.F32, 200)));
        Assert.That(Voting([5, 0, 7], 6, orders, 2)[1], Is.Zero);
    }

    [Test]
    public void Runs_that_go_on_from_each_other_add_up_to_one()
    {
        int[] weights = Sample.Integers(40, 50, 5);
        double[] whole = Voting(weights, 500, new PlayerOrders(9, 30), 4);
        double[] parts = [.. Voting(weights, 500, new PlayerOrders(9, 12), 2).Zip(Voting(weights, 500, new PlayerOrders(9, 18) { First = 12 }, 5), (a, b) => a + b)];
        Assert.That(parts, Is.EqualTo(whole));
    }

    [Test]
    public void The_same_orders_give_the_same_bits_and_more_parts_than_blocks_do_no_harm()
    {
        float[] gains = Sample.Normal(45, 1), rows = Sample.Normal(45 * 70, 2);
        double[] first = Quadratic(gains, rows, 70, new PlayerOrders(10, 19), 5);
        Assert.That(Quadratic(gains, rows, 70, new PlayerOrders(10, 19), 5), Is.EqualTo(first));
        Assert.That(Quadratic(gains, rows, 70, new PlayerOrders(10, 19), 40), Is.EqualTo(first).Within(1e-9));
    }

    [Test]
    public void Sums_of_a_table_match_the_definition([Values(1, 7, 40)] int players)
    {
        const int rows = 300;
        bool[][] sets = [.. Sample.Integers(rows * players, 2, 3).Chunk(players).Select(bits => bits.Select(bit => bit == 1).ToArray())];
        double[] values = [.. Sample.Normal(rows, 4).Select(v => v - (1.0 / 3))], weights = [.. Sample.Normal(2 * rows, 5).Select(w => Math.Abs(w) + 0.1)];
        int[] steps = [.. Enumerable.Range(0, 500).SelectMany(s => Sample.Integers(3, rows, (ulong)s)).Select((index, i) => i % 3 == 2 ? index % players : index)];
        int[] words = [.. sets.SelectMany(set => set.Chunk(32).Select(word => (int)word.Select((isIn, bit) => isIn ? 1u << bit : 0).Aggregate(0u, (a, b) => a | b)))];
        (double[] sums, double[] normal) = Table(words, values, weights, steps, players);
        (double[] expectedSums, double[] expectedNormal) = Reference.Shapley.Table(sets, values, weights, steps, players);
        Assert.That(sums, Is.EqualTo(expectedSums).Within(1e-10));
        Assert.That(normal, Is.EqualTo(expectedNormal).Within(1e-10));
    }

    [Test]
    public void Misshapen_tensors_and_impossible_orders_are_refused()
    {
        Assert.That(() => Quadratic(new float[4], new float[9], 2, new PlayerOrders(1, 1), 1), Throws.ArgumentException);
        Assert.That(() => Voting(new int[4097], 1, new PlayerOrders(1, 1), 1), Throws.ArgumentException.With.Message.Contains("1 .. 4096"));
        Assert.That(() => Voting([1, 2], 1, new PlayerOrders(1, 0), 1), Throws.ArgumentException.With.Message.Contains("at least one block"));
        Assert.That(() => Voting([1, 2], 1, new PlayerOrders(1, 1) { Turns = 3 }, 1), Throws.ArgumentException.With.Message.Contains("1 .. 2 turns"));
        Assert.That(() => Voting([1, 2], 1, new PlayerOrders(1, 1), 0), Throws.ArgumentException.With.Message.Contains("at least one part"));
        Assert.That(() => Neighbours(Keys(3, 2), 3, 17, new PlayerOrders(1, 1), 1), Throws.ArgumentException.With.Message.Contains("1 .. 16"));
    }

    protected double[] Quadratic(float[] gains, float[] rows, int width, PlayerOrders orders, int parts)
    {
        TensorView tensor = width == 0 ? default : Upload(rows, rows.Length / width, width);
        return Run(gains.Length, parts, (partials, moments) => Backend.ShapleyQuadratic(Upload(gains, gains.Length, 1), tensor, orders, partials, moments));
    }

    protected double[] Voting(int[] weights, long quota, PlayerOrders orders, int parts) =>
        Run(weights.Length, parts, (partials, moments) => Backend.ShapleyVoting(UploadIntegers(weights), quota, orders, partials, moments));

    protected double[] Neighbours(int[] keys, int players, int neighbours, PlayerOrders orders, int parts)
    {
        TensorView tensor = UploadIntegers(keys).Reshape(players, keys.Length / players);
        return Run(players, parts, (partials, moments) => Backend.ShapleyNeighbours(tensor, neighbours, orders, partials, moments));
    }

    /// <summary>Random distances and classes as keys (n, T).</summary>
    protected static int[] Keys(int players, int points)
    {
        var keys = new int[players * points];
        for (int t = 0; t < points; t++)
        {
            int[] ranks = [.. Enumerable.Range(0, players)], classes = Sample.Integers(players, 2, (ulong)t);
            new Philox(77, (ulong)t).Shuffle<int>(ranks);
            for (int i = 0; i < players; i++) keys[(i * points) + t] = (2 * ranks[i]) + classes[i];
        }

        return keys;
    }

    private double[] Gram(float[] gains, float[] rows, int width, PlayerOrders orders, int parts)
    {
        int n = gains.Length;
        float[] gram = [.. Enumerable.Range(0, n * n).Select(ij => (float)Enumerable.Range(0, width).Sum(c => (double)rows[(ij / n * width) + c] * rows[(ij % n * width) + c]))];
        return Run(n, parts, (partials, moments) => Backend.ShapleyGram(Upload(gains, n, 1), Upload(gram, n, n), orders, partials, moments));
    }

    private (double[] Sums, double[] Normal) Table(int[] words, double[] values, double[] weights, int[] steps, int players)
    {
        TensorView v = New(values.Length, 1, DType.F64), w = New(values.Length, 2, DType.F64), sums = New(players, 9, DType.F64), normal = New(players, players + 1, DType.F64);
        Backend.Upload<double>(values, v);
        Backend.Upload<double>(weights, w);
        TensorView coalitions = UploadIntegers(words).Reshape(values.Length, words.Length / values.Length);
        Backend.ShapleyTable(coalitions, v, w, UploadIntegers(steps).Reshape(steps.Length / 3, 3), sums, normal);
        return (Download<double>(sums), Download<double>(normal));
    }

    private double[] Run(int players, int parts, Action<TensorView, TensorView> op)
    {
        TensorView partials = New(parts, 2 * players, DType.F64), moments = New(2, players, DType.F64);
        Backend.Upload<double>(Enumerable.Repeat(double.NaN, parts * 2 * players).ToArray(), partials);
        op(partials, moments);
        return Download<double>(moments);
    }

    private static void AssertUnbiased(double[] moments, double[] truth, int blocks, double rounding = 1e-9, bool isExact = false)
    {
        for (int i = 0; i < truth.Length; i++)
        {
            double mean = moments[i] / blocks, error = Math.Sqrt(Math.Max(0, (moments[truth.Length + i] / blocks) - (mean * mean)) / (blocks - 1));
            Assert.That(mean, Is.EqualTo(truth[i]).Within(isExact ? rounding : (4 * error) + rounding), $"player {i}");
            if (!isExact && truth[i] != 0) Assert.That(error, Is.GreaterThan(1e-4), "it is an estimate");
        }
    }

    private static float[] Ones(int count) => [.. Enumerable.Repeat(1f, count)];

    private static int[] Places(double[] moments, int players) => [.. Enumerable.Range(0, players).OrderByDescending(i => moments[i])];
}
