using NativeFl.Data;
using NativeFl.DataRefinement;
using NativeFl.Tensors;
using NativeFl.Tests.Cli;

namespace NativeFl.Tests.DataRefinement;

public sealed class ClusterValuesTests
{
    [Test]
    public void Values_go_by_the_ids_of_proxies_and_null_is_unknown()
    {
        using var folder = new TemporaryFolder();
        ValueFolder.Write(folder.Root, ValuesOf(("c", double.NaN), ("a", 0.5)));
        Assert.That(ClusterValues.Read(folder.Root, Clusters(folder)), Is.EqualTo(new[] { 0.5, double.NaN }));
    }

    [Test]
    public void Values_of_other_clusters_are_refused()
    {
        using var folder = new TemporaryFolder();
        ValueFolder.Write(folder.Root, ValuesOf(("b", 1), ("a", 0.5)));
        Assert.That(
            () => ClusterValues.Read(folder.Root, Clusters(folder)),
            Throws.TypeOf<InvalidInputException>().With.Message.EndsWith("values.json: expected a value of every cluster's proxy, got none of \"c\""));
    }

    [Test]
    public void Standardised_values_have_mean_zero_and_deviation_one_and_unknown_ones_are_average()
    {
        double[] z = ClusterValues.Standardise([1, 3, double.NaN, 5]);
        Assert.That(z, Is.EqualTo(new[] { -Math.Sqrt(1.5), 0, 0, Math.Sqrt(1.5) }).Within(1e-15));
        Assert.That(ClusterValues.Standardise([2, 2, 2]), Is.All.Zero);
    }

    private static ProxyValues ValuesOf(params (string Id, double Value)[] proxies) => new()
    {
        Estimator = "permutation",
        Proxies = [.. proxies.Select((proxy, i) => new ProxyValue(proxy.Id, proxy.Value, null, 1, i))],
        Groups = proxies.Length,
        FineTunings = 4,
        LeftOut = 0,
        EmptyValue = 0,
        WholeValue = 1,
    };

    private static ClusterFolder Clusters(TemporaryFolder folder) => new()
    {
        Method = "kmeans",
        Embedding = "embedder",
        Inertia = 0,
        Clusters = [new RecordCluster("a", ["a", "b"]), new RecordCluster("c", ["c"])],
        Records = RecordReader.Read([folder.Write("data.jsonl", "{\"id\":\"a\"}\n{\"id\":\"b\"}\n{\"id\":\"c\"}")]),
    };
}
