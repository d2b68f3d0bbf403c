using CsCheck;
using NativeFl.Evaluation;
using NativeFl.Tensors;

namespace NativeFl.Tests.Evaluation;

public sealed class ClusteredMeanTests
{
    [Test]
    public void Every_token_counts_the_same_whatever_its_example() =>
        Gen.Float[0, 10].Array[0, 6].Array[1, 8].Where(v => v.Any(x => x.Length > 0)).Sample(values =>
        {
            var mean = new ClusteredMean(values);
            double[] all = [.. values.SelectMany(v => v).Select(v => (double)v)];
            return mean.Count == all.Length && mean.Clusters == values.Count(v => v.Length > 0) && Math.Abs(mean.Mean - all.Average()) < 1e-12;
        });

    [Test]
    public void With_one_token_an_example_it_is_the_textbook_standard_error() =>
        Gen.Float[0, 10].Array[2, 20].Sample(values =>
        {
            var mean = new ClusteredMean(values.Select(v => new[] { v }));
            double average = values.Average(v => (double)v);
            double variance = values.Sum(v => (v - average) * (v - average)) / (values.Length - 1);
            return Math.Abs(mean.StandardError!.Value - Math.Sqrt(variance / values.Length)) < 1e-9;
        });

    [Test]
    public void Repeating_the_tokens_inside_examples_adds_no_certainty()
    {
        float[][] once = [[1], [2], [4], [5]];
        float[][] often = [.. once.Select(v => Enumerable.Repeat(v[0], 50).ToArray())];
        Assert.That(
            new ClusteredMean(often).StandardError, Is.EqualTo(new ClusteredMean(once).StandardError).Within(1e-12));
    }

    [Test]
    public void One_example_has_no_standard_error() => Assert.That(new ClusteredMean([[1f, 2f]]).StandardError, Is.Null);

    [Test]
    public void It_covers_the_true_mean_as_often_as_a_standard_error_should()
    {
        // Examples of uneven length with a common offset: a standard error over tokens would cover far too seldom.
        var random = new Philox(3);
        int covered = 0;
        const int Trials = 2000;
        for (int trial = 0; trial < Trials; trial++)
        {
            var values = new float[40][];
            for (int i = 0; i < values.Length; i++)
            {
                double offset = random.NextNormal();
                values[i] = new float[5 + random.NextInt32(30)];
                for (int t = 0; t < values[i].Length; t++) values[i][t] = (float)(offset + (0.5 * random.NextNormal()));
            }

            var mean = new ClusteredMean(values);
            if (Math.Abs(mean.Mean) < 1.96 * mean.StandardError) covered++;
        }

        // 95 % nominal; 40 clusters of unequal size lose one to three points, the binomial error of the count is half a point.
        Assert.That((double)covered / Trials, Is.InRange(0.90, 0.97));
    }
}
