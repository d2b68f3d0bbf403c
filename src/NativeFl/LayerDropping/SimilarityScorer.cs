using NativeFl.Data;
using NativeFl.Evaluation;
using NativeFl.Models;
using NativeFl.Tensors;

namespace NativeFl.LayerDropping;

/// <summary>
/// Measures how little each sublayer and block turns the residual stream: S = mean over tokens of cos(x, x + f(norm(x))), in one forward
/// pass (LLM-Drop, arXiv:2406.15786, section 3; for whole blocks ShortGPT, arXiv:2403.03853). x · y, |x|² and |y|² come out of the residual
/// add itself, around the whole of it, so that it does not matter where a family puts its norms.
/// </summary>
/// <remarks>Cosines are taken in double from f32 products; sums run over tokens in order, so that the same input gives the same bits.</remarks>
public sealed class SimilarityScorer
{
    private readonly Transformer _model;
    private readonly int _maxRows;

    /// <summary>Makes a scorer.</summary>
    /// <param name="model">The model, dropped sublayers left out.</param>
    /// <param name="maxRows">Token rows of a pass; a longer sample gets a pass of its own length.</param>
    public SimilarityScorer(Transformer model, int maxRows = 2048)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(maxRows);
        (_model, _maxRows) = (model, maxRows);
    }

    /// <summary>Scores every sublayer and block.</summary>
    /// <param name="samples">Token sequences; all their tokens count, whatever their labels.</param>
    /// <param name="longestRun">Runs of up to so many neighbouring blocks are scored too; 1 = single blocks.</param>
    /// <param name="onSample">Told how many samples are done.</param>
    /// <param name="cancellation">Polled between passes.</param>
    /// <exception cref="InvalidInputException">There is no token.</exception>
    /// <exception cref="RunFailedException">A similarity is not finite.</exception>
    public LayerScores Measure(
        IReadOnlyList<TokenizedExample> samples, int longestRun = 1, Action<int>? onSample = null, CancellationToken cancellation = default)
    {
        using TransformerPass pass = Plan(samples);
        return Measure(pass, samples, longestRun, onSample, cancellation);
    }

    /// <summary>The pass of <see cref="Measure(IReadOnlyList{TokenizedExample}, int, Action{int}?, CancellationToken)"/>, to measure with again and again.</summary>
    internal TransformerPass Plan(IReadOnlyList<TokenizedExample> samples)
    {
        ArgumentNullException.ThrowIfNull(samples);
        if (samples.All(s => s.InputIds.Length == 0)) throw new InvalidInputException("--data", "at least one token to score", "none");
        int rows = Math.Max(_maxRows, samples.Max(s => s.InputIds.Length));
        return new TransformerPass(_model, new PassOptions { MaxRows = rows, MaxHeadRows = 1, Products = true });
    }

    /// <summary>Scores what a pass of <see cref="Plan"/> has left.</summary>
    internal LayerScores Measure(
        TransformerPass pass, IReadOnlyList<TokenizedExample> samples, int longestRun, Action<int>? onSample, CancellationToken cancellation)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(longestRun);
        Sublayer[] sublayers = [.. pass.Sublayers];
        int[] blocks = [.. sublayers.Select(s => s.Layer).Distinct()];
        var ofSublayers = sublayers.Select(_ => new List<(double, int)>()).ToArray();
        var ofBlocks = Runs(blocks, longestRun).ToDictionary(run => run, _ => new List<(double, int)>());
        var batch = new TokenBatch();
        for (int first = 0; first < samples.Count;)
        {
            cancellation.ThrowIfCancellationRequested();
            int end = batch.Take(samples, first, _maxRows, counts: false);
            int[] lengths = [.. samples.Skip(first).Take(end - first).Select(sample => sample.InputIds.Length)];
            first = end;
            if (batch.Rows == 0) continue;
            pass.Forward(batch);
            var products = new float[batch.Rows * 3];
            for (int i = 0; i < sublayers.Length; i++)
            {
                pass.Products(i, products);
                AddCosines(products, lengths, ofSublayers[i]);
            }

            foreach (((int start, int length), List<(double, int)> sums) in ofBlocks)
            {
                pass.BlockProducts(start, start + length, products);
                AddCosines(products, lengths, sums);
            }

            onSample?.Invoke(first);
        }

        return new LayerScores
        {
            Sublayers = [.. sublayers.Zip(ofSublayers, Score)],
            Blocks = [.. ofBlocks.Select(run => Block(blocks, run.Key.Start, run.Key.Length, run.Value))],
            Tokens = samples.Sum(s => (long)s.InputIds.Length),
            Samples = samples.Count(s => s.InputIds.Length > 0),
        };
    }

    /// <summary>Runs of neighbours among the blocks that are left, by place in that list.</summary>
    private static IEnumerable<(int Start, int Length)> Runs(int[] blocks, int longest)
    {
        for (int length = 1; length <= Math.Min(longest, blocks.Length); length++)
        {
            for (int start = 0; start + length <= blocks.Length; start++) yield return (start, length);
        }
    }

    private static void AddCosines(float[] products, int[] lengths, List<(double, int)> sums)
    {
        int row = 0;
        foreach (int length in lengths)
        {
            double sum = 0;
            for (int end = row + length; row < end; row++) sum += Cosine(products[3 * row], products[(3 * row) + 1], products[(3 * row) + 2]);
            sums.Add((sum, length));
        }
    }

    /// <summary>x · y / (|x| |y|); a zero that stays zero is unchanged, a zero that does not is turned as far as can be.</summary>
    private static double Cosine(double xy, double xx, double yy) => xx == 0 || yy == 0 ? (xx == yy ? 1 : 0) : xy / Math.Sqrt(xx * yy);

    private static ClusteredMean Mean(string what, List<(double, int)> sums)
    {
        var mean = new ClusteredMean(sums);
        return double.IsFinite(mean.Mean) ? mean : throw new RunFailedException($"score: the similarity of {what} is not finite");
    }

    private static SublayerScore Score(Sublayer sublayer, List<(double, int)> sums)
    {
        ClusteredMean mean = Mean(sublayer.ToString(), sums);
        return new SublayerScore(sublayer, mean.Mean, mean.StandardError);
    }

    private static BlockScore Block(int[] blocks, int start, int length, List<(double, int)> sums)
    {
        ClusteredMean mean = Mean($"block {blocks[start]}", sums);
        return new BlockScore(blocks[start], length, mean.Mean, mean.StandardError);
    }
}
