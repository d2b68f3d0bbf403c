using NativeFl.DataRefinement;
using NativeFl.Tensors;
using NativeFl.Tests.Tensors;

namespace NativeFl.Tests.DataRefinement;

/// <summary>What k-means promises on any backend.</summary>
internal abstract class KMeansLawTests : OpTest
{
    [TestCase(1, 1, 1)]
    [TestCase(40, 7, 3)]
    [TestCase(30, 30, 9)]
    [TestCase(90, 70, 20)]
    public void The_inertia_never_rises_and_at_rest_every_record_is_with_its_nearest_centre(int records, int clusters, int width) =>
        RequireRest(records, clusters, width, 7);

    /// <summary>The inertia never rises; at rest every record is with its nearest centre, which is the mean of them, and no cluster is empty.</summary>
    protected void RequireRest(int records, int clusters, int width, ulong seed)
    {
        var embeddings = new Embeddings(Sample.Normal(records * width, seed), width);
        using var memory = new KMeansMemory(Backend, embeddings, clusters);
        KMeansRun run = new KMeans(Backend, new KMeansOptions { Seed = seed }).Run(memory, embeddings, 0, null, default);
        double[,] distances = Reference.KMeans.Distances(embeddings.Values.ToArray().Wide(), run.Centres.Wide(), width);
        double tolerance = 2 * Tolerance.For(DType.F32, width);
        for (int i = 1; i < run.Inertias.Count; i++) Assert.That(run.Inertias[i], Is.AtMost(run.Inertias[i - 1] * (1 + tolerance)));
        for (int n = 0; n < records; n++)
        {
            double least = Enumerable.Range(0, clusters).Min(k => distances[n, k]);
            Assert.That(distances[n, run.Labels[n]], Is.EqualTo(least).Within(tolerance * least));
        }

        Assert.That(run.Labels.Distinct().Count(), Is.EqualTo(clusters), "different records leave no cluster empty");
        Clustering clustering = Clustering.Of(embeddings, run.Labels);
        Assert.That(clustering.Inertia, Is.EqualTo(run.Inertia).Within((tolerance * run.Inertia) + 1e-9));
    }

    [Test]
    public void Moving_all_records_moves_the_centres_with_them()
    {
        // Multiples of 1/8 below 4 in size stay exact when 256 is added, and so do their differences; only means are rounded.
        float[] values = [.. Sample.Integers(60 * 7, 64, 1).Select(i => (i - 32) / 8f)];
        var here = new Embeddings(values, 7);
        var there = new Embeddings([.. values.Select(value => value + 256)], 7);
        var algorithm = new KMeans(Backend, new KMeansOptions { Seed = 3 });
        Clustering a = algorithm.Cluster(here, 6), b = algorithm.Cluster(there, 6);
        Assert.That(b.Labels, Is.EqualTo(a.Labels));
        Assert.That(b.Proxies, Is.EqualTo(a.Proxies));
        Assert.That(b.Inertia, Is.EqualTo(a.Inertia).Within(1e-9 * a.Inertia));
    }

    [Test]
    public void The_same_seed_gives_the_same_bits_and_another_one_another_start()
    {
        var embeddings = new Embeddings(Sample.Normal(300 * 11, 2), 11);
        float[] Centres(ulong seed, int start)
        {
            using var memory = new KMeansMemory(Backend, embeddings, 12);
            return new KMeans(Backend, new KMeansOptions { Seed = seed, MaxIterations = 4 }).Run(memory, embeddings, start, null, default).Centres;
        }

        float[] first = Centres(1, 0);
        Assert.That(Agreement.Bits(Centres(1, 0)), Is.EqualTo(Agreement.Bits(first)));
        Assert.That(Agreement.Bits(Centres(2, 0)), Is.Not.EqualTo(Agreement.Bits(first)));
        Assert.That(Agreement.Bits(Centres(1, 1)), Is.Not.EqualTo(Agreement.Bits(first)));
    }

    [Test]
    public void Clusters_far_apart_are_found_and_their_middle_records_stand_for_them()
    {
        // Around each of five places: the place itself, and records a little off it on either side.
        float[] places = [0, 100, 200, 300, 400];
        float[] values = [.. places.SelectMany(place => new[] { place - 1, place - 1, place, place, place + 1, place + 1 })];
        Clustering clustering = new KMeans(Backend, new KMeansOptions { Seed = 5 }).Cluster(new Embeddings(values, 2), 5);
        Assert.That(clustering.Labels, Is.EqualTo(Enumerable.Range(0, 5).SelectMany(k => Enumerable.Repeat(k, 3))));
        Assert.That(clustering.Proxies, Is.EqualTo(new[] { 1, 4, 7, 10, 13 }));
        Assert.That(clustering.Inertia, Is.EqualTo(5 * 4).Within(1e-9));
    }
}
