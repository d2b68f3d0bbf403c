using System.Globalization;
using NativeFl.Data;
using NativeFl.Evaluation;
using NativeFl.Models;
using NativeFl.Tensors;

namespace NativeFl.LayerDropping;

/// <summary>
/// Chooses the sublayers or blocks that a model can do without (LLM-Drop, arXiv:2406.15786, section 3). One attention sublayer always stays.
/// Equal scores go by index, the lower first.
/// </summary>
public sealed class LayerDropper
{
    private readonly Transformer _model;
    private readonly IReadOnlyList<TokenizedExample> _samples;
    private readonly int _maxRows;

    /// <summary>Makes a chooser.</summary>
    /// <param name="model">The model; what it goes without already stays gone.</param>
    /// <param name="samples">The calibration set; for <see cref="DropMethod.Greedy"/> its counted tokens are what the loss is of.</param>
    /// <param name="maxRows">Token rows of a pass.</param>
    public LayerDropper(Transformer model, IReadOnlyList<TokenizedExample> samples, int maxRows = 2048)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(samples);
        (_model, _samples, _maxRows) = (model, samples, maxRows);
    }

    /// <summary>What a model could lose: single sublayers, or blocks as what is left of them, by index.</summary>
    public static IReadOnlyList<IReadOnlyList<Sublayer>> Candidates(ModelConfig config, Granularity granularity)
    {
        ArgumentNullException.ThrowIfNull(config);
        Sublayer[] left = [.. config.Sublayers()];
        return granularity switch
        {
            Granularity.Attention => [.. left.Where(s => s.Kind == SublayerKind.Attention).Select(s => new[] { s })],
            Granularity.Mlp => [.. left.Where(s => s.Kind == SublayerKind.Mlp).Select(s => new[] { s })],
            Granularity.Block => [.. left.GroupBy(s => s.Layer).Select(block => block.ToArray())],
            // As LLM-Drop ranks them: all attention sublayers, then all MLPs.
            _ => [.. left.OrderBy(s => s.Kind).ThenBy(s => s.Layer).Select(s => new[] { s })],
        };
    }

    /// <summary>How many can go at most, so that some attention is left.</summary>
    public static int Most(ModelConfig config, Granularity granularity)
    {
        int candidates = Candidates(config, granularity).Count, attention = config.Sublayers().Count(s => s.Kind == SublayerKind.Attention);
        return granularity switch
        {
            Granularity.Mlp => candidates,
            Granularity.Attention => attention - 1,
            Granularity.Joint => candidates - 1,
            _ => attention == candidates ? candidates - 1 : candidates,
        };
    }

    /// <summary>Checks that so much can go before anything is measured.</summary>
    /// <param name="config">The model.</param>
    /// <param name="request">What and how many.</param>
    /// <param name="input">Where the count came from, for the error.</param>
    /// <exception cref="InvalidInputException">There is not as much to drop, or no attention would be left.</exception>
    public static void Check(ModelConfig config, DropRequest request, string input = "--count")
    {
        ArgumentNullException.ThrowIfNull(request);
        int most = Most(config, request.Granularity);
        if (request.Count >= 0 && request.Count <= most) return;
        string what = request.Granularity == Granularity.Block ? "blocks" : request.Granularity == Granularity.Joint ? "sublayers" : "layers";
        throw new InvalidInputException(
            input, string.Create(CultureInfo.InvariantCulture, $"0 to {most} {what}, so that attention is left"), request.Count.ToString(CultureInfo.InvariantCulture));
    }

    /// <summary>Chooses.</summary>
    /// <param name="request">What and how.</param>
    /// <param name="onStep">Told of passes over the calibration set: (done, of).</param>
    /// <param name="cancellation">Polled between passes.</param>
    /// <exception cref="InvalidInputException">As <see cref="Check"/>.</exception>
    public DropChoice Choose(DropRequest request, Action<int, int>? onStep = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(request);
        Check(_model.Config, request);
        if (request.Count == 0) return new DropChoice([], []);
        return request.Method switch
        {
            DropMethod.Similarity when request.IsConsecutive => Consecutive(request, cancellation),
            DropMethod.Similarity when request.IsIterative => OneByOne(request, Similarities, onStep, cancellation),
            DropMethod.Similarity => Take(Similarities(_model, request.Granularity, null, cancellation), request.Count),
            DropMethod.Greedy => OneByOne(request, Losses, onStep, cancellation),
            DropMethod.Random => Take(Shuffled(request.Seed, Unscored(request)), request.Count),
            DropMethod.Last => Take([.. Unscored(request).AsEnumerable().Reverse()], request.Count),
            _ => Take(Unscored(request), request.Count),
        };
    }

    /// <summary>The choice of a ranking that is there already.</summary>
    /// <param name="config">The model.</param>
    /// <param name="scores">Its similarities.</param>
    /// <param name="request">What and how many.</param>
    public static DropChoice FromScores(ModelConfig config, LayerScores scores, DropRequest request)
    {
        ArgumentNullException.ThrowIfNull(scores);
        ArgumentNullException.ThrowIfNull(request);
        Check(config, request);
        return Take(config, [.. Ranked(config, scores, request.Granularity)], request.Count);
    }

    private DropStep[] Unscored(DropRequest request) => [.. Candidates(_model.Config, request.Granularity).Select(c => new DropStep(c, null, null))];

    private static IEnumerable<DropStep> Ranked(ModelConfig config, LayerScores scores, Granularity granularity)
    {
        Dictionary<Sublayer, double> ofSublayers = scores.Sublayers.ToDictionary(s => s.Sublayer, s => s.Similarity);
        Dictionary<int, double> ofBlocks = scores.Blocks.Where(b => b.Length == 1).ToDictionary(b => b.Layer, b => b.Similarity);
        return Candidates(config, granularity)
            .Select(c => new DropStep(c, granularity == Granularity.Block ? ofBlocks[c[0].Layer] : ofSublayers[c[0]], null))
            .OrderByDescending(step => step.Similarity); // stable: equals stay by index
    }

    private DropStep[] Similarities(Transformer model, Granularity granularity, Action<int, int>? onPass, CancellationToken cancellation)
    {
        onPass?.Invoke(0, 1);
        LayerScores scores = new SimilarityScorer(model, _maxRows).Measure(_samples, cancellation: cancellation);
        return [.. Ranked(model.Config, scores, granularity)];
    }

    /// <summary>Every candidate with the loss of the model without it, the smallest first.</summary>
    private DropStep[] Losses(Transformer model, Granularity granularity, Action<int, int>? onPass, CancellationToken cancellation)
    {
        var steps = new List<DropStep>();
        IReadOnlyList<IReadOnlyList<Sublayer>> candidates = Candidates(model.Config, granularity);
        foreach (IReadOnlyList<Sublayer> candidate in candidates)
        {
            onPass?.Invoke(steps.Count, candidates.Count);
            var dropped = new DroppedSublayers(candidate);
            if (!LeavesAttention(model.Config, dropped)) continue;
            using Transformer without = model.Without(dropped);
            using var scorer = new TokenScorer(without, maxRows: _maxRows);
            steps.Add(new DropStep(candidate, null, Perplexity.Measure(scorer, _samples, cancellation).Loss));
        }

        return [.. steps.OrderBy(step => step.Loss)];
    }

    private DropChoice OneByOne(
        DropRequest request, Func<Transformer, Granularity, Action<int, int>?, CancellationToken, DropStep[]> rank, Action<int, int>? onStep,
        CancellationToken cancellation)
    {
        var steps = new List<DropStep>();
        var ties = new List<DropStep>();
        while (steps.Count < request.Count)
        {
            int done = steps.Count;
            using Transformer model = _model.Without(new DroppedSublayers(steps.SelectMany(s => s.Sublayers)));
            DropStep[] ranked = rank(model, request.Granularity, (pass, of) => onStep?.Invoke((done * of) + pass, request.Count * of), cancellation);
            DropChoice next = Take(model.Config, ranked, 1);
            steps.AddRange(next.Steps);
            ties.AddRange(next.Ties);
        }

        return new DropChoice(steps, ties);
    }

    private DropChoice Consecutive(DropRequest request, CancellationToken cancellation)
    {
        LayerScores scores = new SimilarityScorer(_model, _maxRows).Measure(_samples, request.Count, cancellation: cancellation);
        int[] blocks = [.. _model.Config.Sublayers().Select(s => s.Layer).Distinct()];
        DropStep[] ranked =
        [
            .. scores.Blocks.Where(b => b.Length == request.Count).OrderByDescending(b => b.Similarity).Select(run =>
            {
                int first = Array.IndexOf(blocks, run.Layer);
                HashSet<int> inside = [.. blocks.Skip(first).Take(run.Length)];
                return new DropStep([.. _model.Config.Sublayers().Where(s => inside.Contains(s.Layer))], run.Similarity, null);
            }),
        ];
        return Take(ranked, 1);
    }

    private DropChoice Take(IReadOnlyList<DropStep> ranked, int count) => Take(_model.Config, ranked, count);

    /// <summary>The first so many that leave some attention; ties are those behind them that score as the last of them does.</summary>
    private static DropChoice Take(ModelConfig config, IReadOnlyList<DropStep> ranked, int count)
    {
        var taken = new List<DropStep>();
        var ties = new List<DropStep>();
        foreach (DropStep step in ranked)
        {
            if (taken.Count == count)
            {
                bool isScored = step.Similarity is not null || step.Loss is not null;
                if (isScored && step.Similarity == taken[^1].Similarity && step.Loss == taken[^1].Loss) ties.Add(step);
                continue;
            }

            if (LeavesAttention(config, new DroppedSublayers(taken.SelectMany(s => s.Sublayers).Concat(step.Sublayers)))) taken.Add(step);
        }

        return new DropChoice(taken, ties);
    }

    private static bool LeavesAttention(ModelConfig config, DroppedSublayers dropped) =>
        config.Sublayers().Any(s => s.Kind == SublayerKind.Attention && !dropped.Contains(s));

    private static DropStep[] Shuffled(ulong seed, DropStep[] steps)
    {
        new Philox(seed).Shuffle<DropStep>(steps);
        return steps;
    }
}
