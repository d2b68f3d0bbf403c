using NativeFl.Data;
using NativeFl.LayerDropping;
using NativeFl.Models;
using NativeFl.Tensors;
using NativeFl.Tensors.Cpu;

namespace NativeFl.Tests.LayerDropping;

public sealed class SimilarityScorerTests
{
    private Backend _backend = null!;
    private Transformer _model = null!;

    [OneTimeSetUp]
    public void Open()
    {
        _backend = new CpuBackend(new CpuBackendOptions { Threads = 2 });
        _model = DroppingCases.Model(_backend, 3, 2);
    }

    [OneTimeTearDown]
    public void Close()
    {
        _model.Dispose();
        _backend.Dispose();
    }

    [Test]
    public void The_same_samples_have_the_same_bits_again_and_however_they_share_passes()
    {
        TokenizedExample[] samples = DroppingCases.Samples(9, 1);
        double[] once = Similarities(samples, 2048);
        foreach (int rows in new[] { 2048, 1, 13, 30 }) Assert.That(Similarities(samples, rows), Is.EqualTo(once), $"{rows} rows a pass");
    }

    [Test]
    public void The_mean_is_over_tokens_and_its_error_over_samples()
    {
        TokenizedExample[] samples = DroppingCases.Samples(7, 4);
        LayerScores scores = new SimilarityScorer(_model).Measure(samples, longestRun: 2);
        LayerScores[] single = [.. samples.Select(s => new SimilarityScorer(_model).Measure([s], longestRun: 2))];
        Assert.Multiple(() =>
        {
            Assert.That(single.SelectMany(s => s.Sublayers).Select(s => s.StandardError), Is.All.Null, "one sample has no error");
            Assert.That((scores.Tokens, scores.Samples), Is.EqualTo((samples.Sum(s => (long)s.InputIds.Length), samples.Length)));
            Assert.That(scores.Blocks.Select(b => (b.Layer, b.Length)), Is.EqualTo(new[] { (0, 1), (1, 1), (2, 1), (0, 2), (1, 2) }));
        });
        for (int i = 0; i < scores.Sublayers.Count; i++)
            AssertIsRatio(scores.Sublayers[i].Similarity, scores.Sublayers[i].StandardError, [.. single.Select(s => s.Sublayers[i].Similarity)], samples);
        for (int i = 0; i < scores.Blocks.Count; i++)
            AssertIsRatio(scores.Blocks[i].Similarity, scores.Blocks[i].StandardError, [.. single.Select(s => s.Blocks[i].Similarity)], samples);
    }

    [Test]
    public void Labels_do_not_matter_and_a_sample_without_tokens_is_none()
    {
        TokenizedExample[] samples = DroppingCases.Samples(4, 6);
        TokenizedExample[] unlabelled = [.. samples.Select(s => s with { Labels = [.. s.Labels.Select(_ => TokenizedExample.Ignored)] }), new("none", [], [])];
        Assert.That(Similarities(unlabelled, 12), Is.EqualTo(Similarities(samples, 12)));
        Assert.That(new SimilarityScorer(_model).Measure(unlabelled).Samples, Is.EqualTo(4));
        Assert.That(() => new SimilarityScorer(_model).Measure([]), Throws.TypeOf<InvalidInputException>().With.Message.Contains("token"));
    }

    [Test]
    public void Cancelling_stops_between_passes()
    {
        using var stop = new CancellationTokenSource();
        int done = 0;
        Assert.That(
            () => new SimilarityScorer(_model, 1).Measure(
                DroppingCases.Samples(5, 1),
                onSample: d =>
                {
                    done = d;
                    if (d == 2) stop.Cancel();
                },
                cancellation: stop.Token),
            Throws.InstanceOf<OperationCanceledException>());
        Assert.That(done, Is.EqualTo(2));
    }

    private double[] Similarities(IReadOnlyList<TokenizedExample> samples, int maxRows)
    {
        LayerScores scores = new SimilarityScorer(_model, maxRows).Measure(samples, longestRun: 3);
        return [.. scores.Sublayers.Select(s => s.Similarity), .. scores.Sublayers.Select(s => s.StandardError!.Value), .. scores.Blocks.Select(b => b.Similarity)];
    }

    // Means of samples weighted by their tokens; the error of that ratio.
    private static void AssertIsRatio(double mean, double? error, double[] means, TokenizedExample[] samples)
    {
        double[] tokens = [.. samples.Select(s => (double)s.InputIds.Length)];
        double expected = means.Zip(tokens, (m, t) => m * t).Sum() / tokens.Sum();
        double squares = means.Zip(tokens, (m, t) => (m - expected) * (m - expected) * t * t).Sum();
        Assert.That(mean, Is.EqualTo(expected).Within(1e-12));
        Assert.That(error, Is.EqualTo(Math.Sqrt(squares * means.Length / (means.Length - 1)) / tokens.Sum()).Within(1e-9));
    }
}
