using CsCheck;
using NativeFl.DataRefinement;
using NativeFl.Tensors;
using NativeFl.Tensors.Cpu;
using NativeFl.Tests.Tensors;

namespace NativeFl.Tests.DataRefinement;

internal sealed class KMeansAlgorithmTests : KMeansLawTests
{
    protected override Backend Open() => new CpuBackend(new CpuBackendOptions { Threads = 2 });

    [Test]
    public void Any_records_come_to_rest() => Gen.Select(Gen.Int[1, 40], Gen.Int[1, 40], Gen.Int[1, 9], Gen.ULong)
        .Where(c => c.Item2 <= c.Item1).Sample(RequireRest, iter: 200, threads: 1);

    [Test]
    public void More_starts_are_never_worse()
    {
        var embeddings = new Embeddings(Sample.Normal(400 * 4, 8), 4);
        double[] inertias = [.. new[] { 1, 2, 4, 8 }.Select(restarts => new KMeans(Backend, new KMeansOptions { Seed = 1, Restarts = restarts }).Cluster(embeddings, 20).Inertia)];
        Assert.That(inertias, Is.Ordered.Descending);
        Assert.That(inertias[^1], Is.LessThan(inertias[0]));
    }

    [Test]
    public void Iterations_are_told_and_limited()
    {
        var embeddings = new Embeddings(Sample.Normal(400 * 4, 8), 4);
        var told = new List<(int Start, int Iteration)>();
        new KMeans(Backend, new KMeansOptions { Restarts = 2, MaxIterations = 3 }).Cluster(embeddings, 20, (start, iteration, inertia) => told.Add((start, iteration)));
        Assert.That(told, Is.EqualTo(new[] { (0, 1), (0, 2), (0, 3), (1, 1), (1, 2), (1, 3) }));
    }

    [Test]
    public void A_cluster_that_loses_its_records_begins_again_at_the_farthest()
    {
        // All four centres begin at one place, so that three of them are empty at once.
        var embeddings = new Embeddings([0, 0, 0, 0, 10, 11, 50, 90], 1);
        using var memory = new KMeansMemory(Backend, embeddings, 4);
        for (int k = 0; k < 4; k++) memory.SetCentre(k, [0]);
        KMeansRun run = new KMeans(Backend, new KMeansOptions()).Iterate(memory, embeddings, null, default);
        Assert.That(run.Labels.Distinct().Count(), Is.EqualTo(4));
        Assert.That(run.Inertia, Is.EqualTo(0.5));
    }

    [Test]
    public void Records_that_coincide_make_fewer_clusters()
    {
        Clustering clustering = new KMeans(Backend, new KMeansOptions()).Cluster(new Embeddings([1, 1, 2, 2, 1, 2], 1), 4);
        Assert.That(clustering.Labels, Is.EqualTo(new[] { 0, 0, 1, 1, 0, 1 }));
        Assert.That((clustering.Count, clustering.Inertia), Is.EqualTo((2, 0.0)));
    }

    [Test]
    public void As_many_clusters_as_records_are_the_records()
    {
        Clustering clustering = new KMeans(Backend, new KMeansOptions()).Cluster(new Embeddings(Sample.Normal(30 * 3, 1), 3), 30);
        Assert.That(clustering.Proxies, Is.EqualTo(Enumerable.Range(0, 30)));
        Assert.That(clustering.Inertia, Is.Zero);
    }

    [Test]
    public void Too_few_records_are_refused()
    {
        Assert.That(
            () => new KMeans(Backend, new KMeansOptions()).Cluster(new Embeddings([1, 2], 1), 3),
            Throws.TypeOf<InvalidInputException>().With.Message.Contains("at most 2"));
    }
}
