using CsCheck;
using NativeFl.DataRefinement;
using NativeFl.Tensors;
using NativeFl.Tests.Tensors;

namespace NativeFl.Tests.DataRefinement;

public sealed class RecordSelectionTests
{
    // Clusters of 1, 4, 2, 7 and 3 records; the places of a cluster do not lie together.
    private static readonly int[] Sizes = [1, 4, 2, 7, 3];
    private static readonly double[] Values = [0.5, -1, 3, 0.25, 0.5];

    private static RecordPool Pool
    {
        get
        {
            int[] labels = [.. Sizes.SelectMany((size, k) => Enumerable.Repeat(k, size))];
            new Philox(4).Shuffle(labels.AsSpan());
            return new RecordPool([.. Sizes.Select((_, k) => (IReadOnlyList<int>)[.. Enumerable.Range(0, labels.Length).Where(n => labels[n] == k)])]);
        }
    }

    private static IEnumerable<IRecordSelection> Methods() =>
    [
        new QualityOrderedClusterSampling(Values), new QualityWeightedClusterSampling(Values, 1), new QualityWeightedClusterSampling(Values, -800),
        new RandomSelection(), new BalancedSelection(), new RankedSelection([.. Enumerable.Range(0, 17).Select(n => (double)(n % 5))]),
    ];

    [TestCaseSource(nameof(Methods))]
    public void The_count_is_exact_for_every_count_no_record_comes_twice_and_all_of_them_are_everything(IRecordSelection method)
    {
        for (int count = 1; count <= 17; count++)
        {
            IReadOnlyList<int> chosen = method.Select(Pool, count, (ulong)count);
            Assert.That(chosen, Has.Count.EqualTo(count).And.Unique);
            Assert.That(chosen, Is.All.InRange(0, 16));
            Assert.That(method.Select(Pool, count, (ulong)count), Is.EqualTo(chosen), "the same seed");
        }

        Assert.That(method.Select(Pool, 17, 5), Is.EquivalentTo(Enumerable.Range(0, 17)));
        Assert.That(() => method.Select(Pool, 18, 5), Throws.TypeOf<InvalidInputException>().With.Message.EqualTo("--count: expected 1 to 17, all records, got 18"));
        Assert.That(() => method.Select(Pool, 0, 5), Throws.TypeOf<InvalidInputException>());
    }

    [Test]
    public void By_quality_whole_clusters_come_in_descending_value_and_the_last_is_cut()
    {
        RecordPool pool = Pool;
        int[] expected = [.. new[] { 2, 0, 4, 3, 1 }.SelectMany(k => pool.Clusters[k])];
        for (int count = 1; count <= 17; count++)
            Assert.That(new QualityOrderedClusterSampling(Values).Select(pool, count, 1), Is.EqualTo(expected[..count]), "of equal values the first cluster first");
    }

    [Test]
    public void A_cluster_without_a_value_counts_as_average()
    {
        IReadOnlyList<int> chosen = new QualityOrderedClusterSampling([double.NaN, -1, 3, 0.25, 0.5]).Select(Pool, 17, 1);
        int[] order = [.. chosen.Select(n => Enumerable.Range(0, 5).Single(k => Pool.Clusters[k].Contains(n))).Distinct()];
        Assert.That(order, Is.EqualTo(new[] { 2, 0, 4, 3, 1 }), "the mean of the known is 0.6875");
        Assert.That(new QualityOrderedClusterSampling([double.NaN, double.NaN, double.NaN, double.NaN, double.NaN]).Select(Pool, 1, 1), Is.EqualTo(Pool.Clusters[0]));
    }

    // Chi-square with 4 degrees of freedom is above 18.47 once in 1,000 times.
    [TestCase(0)]
    [TestCase(1)]
    [TestCase(-0.7)]
    public void Clusters_are_drawn_as_their_standardised_values_say(double factor)
    {
        double mean = Values.Average(), deviation = Math.Sqrt(Values.Average(v => (v - mean) * (v - mean)));
        double[] weights = [.. Values.Select(v => Math.Exp(factor * (v - mean) / deviation))];
        Assert.That(ChiSquare(weights, FirstClusters(new QualityWeightedClusterSampling(Values, factor))), Is.LessThan(18.47));
        if (factor == 0) Assert.That(weights, Is.All.EqualTo(1.0), "uniform over clusters");
        else Assert.That(ChiSquare([1, 1, 1, 1, 1], FirstClusters(new QualityWeightedClusterSampling(Values, factor))), Is.GreaterThan(100), "the test can tell");
    }

    [Test]
    public void Scale_and_offset_of_the_values_change_nothing()
    {
        double[] other = [.. Values.Select(v => (v * 64) - 8)];
        Assert.That(new QualityWeightedClusterSampling(other, 1.5).Select(Pool, 12, 3), Is.EqualTo(new QualityWeightedClusterSampling(Values, 1.5).Select(Pool, 12, 3)));
    }

    // 6 degrees of freedom: 22.46 once in 1,000 times.
    [Test]
    public void Within_a_cluster_every_record_is_as_likely()
    {
        double[] only = [0, 0, 0, 1, 0];
        RecordPool pool = Pool;
        var counts = new int[7];
        for (ulong seed = 0; seed < 3500; seed++) counts[pool.Clusters[3].ToList().IndexOf(new QualityWeightedClusterSampling(only, 500).Select(pool, 1, seed)[0])]++;
        Assert.That(ChiSquare([1, 1, 1, 1, 1, 1, 1], counts), Is.LessThan(22.46));
    }

    [Test]
    public void When_a_cluster_is_used_up_the_others_are_drawn_as_before()
    {
        // Cluster 2 has two records and all but certainty; the third draw is by the other four weights.
        double[] values = [1, 0, 30, 1, 0];
        var counts = new int[5];
        for (ulong seed = 0; seed < 3000; seed++) counts[ClusterOf(new QualityWeightedClusterSampling(values, 20).Select(Pool, 3, seed)[2])]++;
        Assert.That(counts[2], Is.Zero);
        double deviation = Math.Sqrt(values.Average(v => (v - 6.4) * (v - 6.4)));
        double[] weights = [.. values.Select((v, k) => k == 2 ? 0 : Math.Exp(20 * v / deviation))];
        Assert.That(ChiSquare([weights[0], weights[1], weights[3], weights[4]], [counts[0], counts[1], counts[3], counts[4]]), Is.LessThan(16.27), "3 degrees of freedom");
    }

    [Test]
    public void Balanced_takes_of_every_cluster_alike_as_far_as_it_reaches() => Gen.Select(Gen.Int[1, 17], Gen.ULong).Sample((count, seed) =>
    {
        IReadOnlyList<int> chosen = new BalancedSelection().Select(Pool, count, seed);
        int[] taken = [.. Enumerable.Range(0, 5).Select(k => chosen.Count(n => ClusterOf(n) == k))];
        int most = taken.Max();
        for (int k = 0; k < 5; k++) Assert.That(taken[k], Is.AtLeast(Math.Min(Sizes[k], most - 1)));
    });

    [Test]
    public void Any_record_is_as_likely_at_random()
    {
        var counts = new int[17];
        for (ulong seed = 0; seed < 3400; seed++) counts[new RandomSelection().Select(Pool, 3, seed)[1]]++;
        Assert.That(ChiSquare([.. Enumerable.Repeat(1.0, 17)], counts), Is.LessThan(39.25), "16 degrees of freedom, once in 1,000 times");
    }

    [Test]
    public void Ranked_takes_the_highest_the_first_of_equals()
    {
        double[] scores = [.. Sample.Integers(17, 5, 9).Select(i => (double)i)];
        IReadOnlyList<int> chosen = new RankedSelection(scores).Select(Pool, 6, 1);
        Assert.That(chosen, Is.EqualTo(scores.Select((s, n) => (s, n)).OrderBy(p => -p.s).ThenBy(p => p.n).Take(6).Select(p => p.n)));
    }

    private static int ClusterOf(int record) => Enumerable.Range(0, 5).Single(k => Pool.Clusters[k].Contains(record));

    private static int[] FirstClusters(QualityWeightedClusterSampling method)
    {
        var counts = new int[5];
        for (ulong seed = 0; seed < 4000; seed++) counts[ClusterOf(method.Select(Pool, 1, seed)[0])]++;
        return counts;
    }

    private static double ChiSquare(double[] weights, int[] counts) => weights.Select((weight, k) =>
    {
        double expected = counts.Sum() * weight / weights.Sum();
        return (counts[k] - expected) * (counts[k] - expected) / expected;
    }).Sum();
}
