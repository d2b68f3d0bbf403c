using NativeFl.DataRefinement;
using NativeFl.Tensors;
using NativeFl.Valuation;

namespace NativeFl.Tests.DataRefinement;

/// <summary>Proxies as players: everyone in one group, groups of equal size, values that still add up.</summary>
public sealed class PlayerGroupsTests
{
    [TestCase(7, null, 7)]
    [TestCase(50, null, 50)]
    [TestCase(51, null, 50)]
    [TestCase(103, 10, 10)]
    [TestCase(9, 9, 9)]
    [TestCase(9, 1, 1)]
    public void Every_proxy_is_in_one_group_and_sizes_are_at_most_one_apart(int proxies, int? asked, int groups)
    {
        IReadOnlyList<int[]> of = PlayerGroups.Of(proxies, asked, 3);
        Assert.That(of, Has.Count.EqualTo(groups));
        Assert.That(of.SelectMany(group => group).Order(), Is.EqualTo(Enumerable.Range(0, proxies)));
        Assert.That(of.Max(group => group.Length) - of.Min(group => group.Length), Is.LessThanOrEqualTo(1));
    }

    [Test]
    public void The_seed_decides_who_is_together()
    {
        string Of(ulong seed) => string.Join(';', PlayerGroups.Of(20, 4, seed).Select(group => string.Join(',', group)));
        string first = Of(1);
        Assert.That(Of(1), Is.EqualTo(first));
        Assert.That(Of(2), Is.Not.EqualTo(first));
    }

    [TestCase(0)]
    [TestCase(6)]
    public void More_groups_than_proxies_are_refused(int groups) =>
        Assert.That(() => PlayerGroups.Of(5, groups, 0), Throws.TypeOf<InvalidInputException>().With.Message.Contains("--groups"));

    [Test]
    public void Values_of_proxies_add_up_to_those_of_their_groups()
    {
        IReadOnlyList<int[]> groups = PlayerGroups.Of(7, 3, 1);
        var table = new CoalitionValues(3);
        var estimator = new ExactShapley(3);
        foreach (Coalition coalition in estimator.Next(table)) table.Add(coalition, coalition.Members.Sum(i => i + 1.5) - 2);
        ProxyValues values = ProxyValues.Of(estimator, estimator.Estimate(table), groups, ["a", "b", "c", "d", "e", "f", "g"], table);
        Assert.Multiple(() =>
        {
            Assert.That(values.Proxies.Sum(proxy => proxy.Value), Is.EqualTo(values.WholeValue - values.EmptyValue).Within(1e-12));
            Assert.That(values.EmptyValue, Is.EqualTo(-2));
            Assert.That((values.Groups, values.FineTunings, values.Estimator), Is.EqualTo((3, 7, "exact")));
            foreach (ProxyValue proxy in values.Proxies) Assert.That(proxy.Value, Is.EqualTo((proxy.Group + 1.5) / groups[proxy.Group].Length).Within(1e-12), proxy.Id);
            Assert.That(values.Proxies.Select(proxy => proxy.Id), Is.EqualTo(new[] { "a", "b", "c", "d", "e", "f", "g" }));
        });
    }

    [Test]
    public void A_folder_of_values_reads_as_it_was_written()
    {
        using var folder = new Cli.TemporaryFolder();
        var values = new ProxyValues
        {
            Estimator = "antithetic",
            Groups = 2,
            FineTunings = 31,
            LeftOut = 1,
            EmptyValue = -2.5,
            WholeValue = null,
            Proxies = [new ProxyValue("x", 0.1, 0.02, 5, 1), new ProxyValue("y", double.NaN, null, 0, 0)],
        };
        ValueFolder.Write(folder.Root, values);
        ProxyValues read = ValueFolder.Read(folder.Root);
        Assert.That(read.Proxies, Is.EqualTo(values.Proxies));
        Assert.That(read with { Proxies = values.Proxies }, Is.EqualTo(values));
    }

    [TestCase("{}", "proxies")]
    [TestCase("""{"proxies":[{"id":"a","value":1,"marginals":1,"group":1}],"groups":1,"estimator":"x","fine_tunings":1,"left_out":0}""", "proxies[0].group")]
    [TestCase("""{"proxies":[{"id":"a","value":"1","marginals":1,"group":0}],"groups":1,"estimator":"x","fine_tunings":1,"left_out":0}""", "proxies[0].value")]
    [TestCase("""{"proxies":[{"id":"a","marginals":1,"group":0},{"id":"a","marginals":1,"group":0}],"groups":1}""", "twice")]
    [TestCase("""{"proxies":[{"id":"a","marginals":1,"group":0}],"groups":1,"fine_tunings":1,"left_out":0}""", "estimator")]
    public void A_file_that_is_no_such_thing_is_refused_by_name(string json, string says)
    {
        using var folder = new Cli.TemporaryFolder();
        folder.Write(ValueFolder.FileName, json);
        Assert.That(() => ValueFolder.Read(folder.Root), Throws.TypeOf<InvalidInputException>().With.Message.Contains(says).And.Message.Contains("values.json"));
    }
}
