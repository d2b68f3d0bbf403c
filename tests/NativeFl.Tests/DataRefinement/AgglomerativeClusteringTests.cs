using CsCheck;
using NativeFl.DataRefinement;
using NativeFl.Tensors;
using NativeFl.Tests.Tensors;

namespace NativeFl.Tests.DataRefinement;

public sealed class AgglomerativeClusteringTests
{
    private static readonly Gen<(int Records, int Clusters, ulong Seed)> Cases =
        Gen.Select(Gen.Int[1, 24], Gen.Int[1, 24], Gen.ULong).Where(c => c.Item2 <= c.Item1);

    [Test]
    public void Joins_are_those_of_the_greedy_order() => Cases.Sample(
        c =>
        {
            float[] points = Sample.Normal(c.Records * 3, c.Seed);
            Clustering clustering = AgglomerativeClustering.Cluster(new Embeddings(points, 3), c.Clusters);
            Assert.That(clustering.Labels, Is.EqualTo(Reference.Ward.Labels(points.Wide(), 3, c.Clusters)));
        },
        iter: 200);

    [Test]
    public void The_costs_of_the_joins_add_up_to_the_inertia() => Cases.Sample(
        c =>
        {
            var embeddings = new Embeddings(Sample.Normal(c.Records * 5, c.Seed), 5);
            double[] costs = [.. AgglomerativeClustering.Joins(embeddings).Select(join => join.Cost).Order()];
            Assert.That(costs, Has.Length.EqualTo(c.Records - 1));
            double inertia = AgglomerativeClustering.Cluster(embeddings, c.Clusters).Inertia;
            Assert.That(inertia, Is.EqualTo(costs.Take(c.Records - c.Clusters).Sum()).Within(1e-9 * (1 + inertia)));
        },
        iter: 200);

    [Test]
    public void Equal_records_are_joined_first_and_clusters_are_numbered_by_their_first_record()
    {
        Clustering clustering = AgglomerativeClustering.Cluster(new Embeddings([5, 1, 5, 1, 9, 1], 1), 3);
        Assert.Multiple(() =>
        {
            Assert.That(clustering.Labels, Is.EqualTo(new[] { 0, 1, 0, 1, 2, 1 }));
            Assert.That(clustering.Proxies, Is.EqualTo(new[] { 0, 1, 4 }), "the first of the nearest");
            Assert.That(clustering.Inertia, Is.Zero);
            Assert.That(clustering.Count, Is.EqualTo(3));
        });
    }

    [Test]
    public void The_proxy_is_the_record_nearest_the_mean()
    {
        Clustering clustering = AgglomerativeClustering.Cluster(new Embeddings([0, 10, 4, 100, 101, 109], 1), 2);
        Assert.That(clustering.Proxies, Is.EqualTo(new[] { 2, 4 }));
        Assert.That(clustering.Inertia, Is.EqualTo((double)(152 / 3.0) + (146 / 3.0)).Within(1e-9));
    }

    [Test]
    public void Too_few_and_too_many_records_are_refused()
    {
        Assert.That(
            () => AgglomerativeClustering.Cluster(new Embeddings([1, 2], 1), 3),
            Throws.TypeOf<InvalidInputException>().With.Message.EqualTo("--clusters: expected at most 2, one a record, got 3"));
        Assert.That(
            () => AgglomerativeClustering.Cluster(new Embeddings(new float[8193], 1), 3),
            Throws.TypeOf<InvalidInputException>().With.Message.Contains("at most 8192 records (or --method kmeans), got 8193"));
    }

    [Test]
    public void Embeddings_are_finite() => Assert.That(
        () => new Embeddings([1, 2, 3, float.NaN], 2), Throws.TypeOf<RunFailedException>().With.Message.EqualTo("embedding: that of record 1 is not finite"));
}
