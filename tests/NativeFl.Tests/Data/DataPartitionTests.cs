using CsCheck;
using NativeFl.Data;
using NativeFl.Tensors;

namespace NativeFl.Tests.Data;

public sealed class DataPartitionTests
{
    private static readonly Gen<ulong> Seeds = Gen.ULong;

    [Test]
    public void Iid_is_a_partition_into_equal_sizes() =>
        Gen.Select(Gen.Int[1, 20], Gen.Int[0, 200], Seeds).Sample((clients, more, seed) =>
        {
            int count = clients + more;
            int[][] parts = DataPartition.Iid(count, clients, seed);
            CheckPartition(parts, count);
            Assert.That(parts.Max(p => p.Length) - parts.Min(p => p.Length), Is.LessThanOrEqualTo(1));
        });

    [Test]
    public void Sizes_are_kept() =>
        Gen.Select(Gen.Int[1, 30].Array[1, 12], Seeds).Sample((sizes, seed) =>
        {
            int[][] parts = DataPartition.BySizes(sizes.Sum(), sizes, seed);
            CheckPartition(parts, sizes.Sum());
            Assert.That(parts.Select(p => p.Length), Is.EqualTo(sizes));
        });

    [Test]
    public void Dirichlet_is_a_partition_with_a_minimum() =>
        Gen.Select(Gen.Int[1, 8], Gen.Int[0, 6].Array[60, 200], Gen.Double[0.3, 50], Seeds).Sample((clients, labels, alpha, seed) =>
        {
            string[] names = [.. labels.Select(l => $"label {l}")];
            int[][] parts = DataPartition.Dirichlet(names, clients, alpha, 2, seed);
            CheckPartition(parts, names.Length);
            Assert.That(parts.Select(p => p.Length), Is.All.GreaterThanOrEqualTo(2));
        });

    [Test]
    public void A_client_that_is_full_gets_no_further_label()
    {
        // Labels are drawn in the order of their names; whoever holds N/K when one begins must not have any of it.
        string[] labels = [.. Enumerable.Range(0, 400).Select(i => $"{i / 40}")];
        Seeds.Sample(seed =>
        {
            int[][] parts = DataPartition.Dirichlet(labels, 4, 0.5, 1, seed);
            foreach (int[] part in parts)
            {
                int held = 0;
                foreach (IGrouping<int, int> label in part.GroupBy(i => i / 40).OrderBy(g => g.Key))
                {
                    Assert.That(held, Is.LessThan(100));
                    held += label.Count();
                }
            }
        });
    }

    [Test]
    public void A_small_alpha_skews_labels_and_a_large_one_does_not()
    {
        string[] labels = [.. Enumerable.Range(0, 3000).Select(i => $"{i % 3}")];
        double skew(double alpha) => Enumerable.Range(0, 20).Average(seed =>
            DataPartition.Dirichlet(labels, 5, alpha, 1, (ulong)seed).Average(p => p.GroupBy(i => labels[i]).Max(g => g.Count()) / (double)p.Length));
        // IID would give 1/3.
        Assert.Multiple(() =>
        {
            Assert.That(skew(1000), Is.EqualTo(1 / 3.0).Within(0.03));
            Assert.That(skew(0.1), Is.GreaterThan(0.6));
        });
    }

    [Test]
    public void The_seed_decides_everything()
    {
        string[] labels = [.. Enumerable.Range(0, 200).Select(i => $"{i % 4}")];
        int[][] first = DataPartition.Dirichlet(labels, 5, 0.5, 3, 7);
        Assert.Multiple(() =>
        {
            Assert.That(DataPartition.Dirichlet(labels, 5, 0.5, 3, 7), Is.EqualTo(first));
            Assert.That(first, Is.Not.EqualTo(DataPartition.Dirichlet(labels, 5, 0.5, 3, 8)));
            Assert.That(DataPartition.Iid(200, 5, 7), Is.Not.EqualTo(DataPartition.Iid(200, 5, 8)));
        });
    }

    [Test]
    public void Tiny_alphas_give_a_partition_or_an_error() =>
        Gen.Select(Gen.Double[1e-300, 1e-3], Seeds).Sample((alpha, seed) =>
        {
            try
            {
                CheckPartition(DataPartition.Dirichlet(["a", "b", "b", "c", "c", "c"], 3, alpha, 1, seed), 6);
            }
            catch (InvalidInputException e)
            {
                Assert.That(e.Input, Is.EqualTo("--partition"));
            }
        });

    [Test]
    public void What_cannot_be_partitioned_names_the_flag()
    {
        string[] two = ["a", "b"];
        Assert.Multiple(() =>
        {
            Assert.That(() => DataPartition.Iid(3, 4, 0), Throws.TypeOf<InvalidInputException>());
            Assert.That(() => DataPartition.Iid(3, 0, 0), Throws.TypeOf<InvalidInputException>().With.Message.Contains("--clients"));
            Assert.That(() => DataPartition.BySizes(3, [1, 1], 0), Throws.TypeOf<InvalidInputException>());
            Assert.That(() => DataPartition.BySizes(1, [2, -1], 0), Throws.TypeOf<InvalidInputException>());
            Assert.That(() => DataPartition.Dirichlet(two, 2, 0, 1, 0), Throws.TypeOf<InvalidInputException>());
            Assert.That(() => DataPartition.Dirichlet(two, 2, double.NaN, 1, 0), Throws.TypeOf<InvalidInputException>());
            Assert.That(() => DataPartition.Dirichlet(two, 2, 1, 2, 0), Throws.TypeOf<InvalidInputException>());
            // Exactly one half each: with this α a draw never hits it.
            Assert.That(
                () => DataPartition.Dirichlet([.. Enumerable.Repeat("a", 1000)], 2, 0.01, 500, 0),
                Throws.TypeOf<InvalidInputException>().With.Message.Contains("--partition"));
        });
    }

    private static void CheckPartition(int[][] parts, int count)
    {
        Assert.That(parts.SelectMany(p => p).Order(), Is.EqualTo(Enumerable.Range(0, count)));
        Assert.That(parts.Select(p => p.Zip(p.Skip(1)).All(n => n.First < n.Second)), Is.All.True, "ascending");
    }
}
