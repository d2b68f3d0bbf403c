using System.Globalization;
using NativeFl.Data;
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
        int candidates = Candidates(config, granularity).Count;
        return granularity == Granularity.Mlp ? candidates : Math.Max(0, candidates - 1);
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
        string what = request.Granularity == Granularity.Block ? "blocks" : request.Granularity == Granularity.Joint ? "sublayers" : "layers";
        string got = request.Count.ToString(CultureInfo.InvariantCulture);
        if (request.Count < 0 || request.Count > most)
            throw new InvalidInputException(input, string.Create(CultureInfo.InvariantCulture, $"0 to {most} {what}, so that attention is left"), got);
        if (!request.IsConsecutive || request.Count == 0 || Runs(config, request.Count).Any(run => LeavesAttention(config, run))) return;
        throw new InvalidInputException(input, "neighbouring blocks without which attention is left", $"{got}, and no such run");
    }

    /// <summary>Chooses.</summary>
    /// <param name="request">What and how.</param>
    /// <param name="onStep">Told how far it is: (done, of).</param>
    /// <param name="cancellation">Polled between passes.</param>
    /// <exception cref="InvalidInputException">As <see cref="Check"/>.</exception>
    public DropChoice Choose(DropRequest request, Action<int, int>? onStep = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(request);
        return Choose(request, [request.Count], onStep, cancellation)[0];
    }

    /// <summary>Chooses for every count, measuring once what all of them rest on: each choice is the one that its count alone would get.</summary>
    /// <param name="request">How; its count is not read.</param>
    /// <param name="counts">How many go each time.</param>
    /// <param name="onStep">Told how far it is: (done, of).</param>
    /// <param name="cancellation">Polled between passes.</param>
    /// <exception cref="InvalidInputException">As <see cref="Check"/>.</exception>
    public IReadOnlyList<DropChoice> Choose(
        DropRequest request, IReadOnlyList<int> counts, Action<int, int>? onStep = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(request);
        ArgumentNullException.ThrowIfNull(counts);
        foreach (int count in counts) Check(_model.Config, request with { Count = count });
        int most = counts.Max();
        if (most == 0) return [.. counts.Select(_ => new DropChoice([], []))];
        if (request.Method == DropMethod.Greedy || (request.Method == DropMethod.Similarity && request.IsIterative))
        {
            DropRequest whole = request with { Count = most };
            List<DropChoice> grown = request.Method == DropMethod.Greedy ? Greedy(whole, onStep, cancellation) : Iterative(whole, onStep, cancellation);
            return [.. counts.Select(count => grown[count])];
        }

        if (request.Method == DropMethod.Similarity)
        {
            LayerScores scores = new SimilarityScorer(_model, _maxRows).Measure(
                _samples, request.IsConsecutive ? most : 1, done => onStep?.Invoke(done, _samples.Count), cancellation);
            return [.. counts.Select(count => FromScores(_model.Config, scores, request with { Count = count }))];
        }

        DropStep[] ranked = [.. Candidates(_model.Config, request.Granularity).Select(c => new DropStep(c, null, null))];
        if (request.Method == DropMethod.Random) new Philox(request.Seed).Shuffle<DropStep>(ranked);
        else ranked = request.Method == DropMethod.Last ? [.. ranked.OrderByDescending(step => step.Sublayers[0])] : [.. ranked.OrderBy(step => step.Sublayers[0])];
        return [.. counts.Select(count => count == 0 ? new DropChoice([], []) : Take(_model.Config, ranked, count))];
    }

    /// <summary>The choice of a ranking that is there already.</summary>
    /// <param name="config">The model.</param>
    /// <param name="scores">Its similarities; for <see cref="DropRequest.IsConsecutive"/> those of runs of that length among them.</param>
    /// <param name="request">What and how many; by <see cref="DropMethod.Similarity"/>, measured once.</param>
    /// <exception cref="InvalidInputException">As <see cref="Check"/>.</exception>
    public static DropChoice FromScores(ModelConfig config, LayerScores scores, DropRequest request)
    {
        ArgumentNullException.ThrowIfNull(scores);
        ArgumentNullException.ThrowIfNull(request);
        if (request.Method != DropMethod.Similarity || request.IsIterative)
            throw new ArgumentException("scores are for the method similarity, measured once", nameof(request));
        Check(config, request);
        if (request.Count == 0) return new DropChoice([], []);
        return request.IsConsecutive
            ? Take(config, RankedRuns(config, scores, request.Count), 1)
            : Take(config, Ranked(config, scores, request.Granularity), request.Count);
    }

    private List<DropChoice> Iterative(DropRequest request, Action<int, int>? onStep, CancellationToken cancellation)
    {
        var scorer = new SimilarityScorer(_model, _maxRows);
        using TransformerPass pass = scorer.Plan(_samples);
        return OneByOne(request, onStep, pass.Drop, (config, onPass) =>
        {
            LayerScores scores = scorer.Measure(pass, _samples, 1, done => onPass(done, _samples.Count), cancellation);
            return Ranked(config, scores, request.Granularity);
        });
    }

    private List<DropChoice> Greedy(DropRequest request, Action<int, int>? onStep, CancellationToken cancellation)
    {
        using var losses = new DeletionLosses(_model, _samples, Candidates(_model.Config, request.Granularity), _maxRows);
        return OneByOne(request, onStep, losses.Drop, (config, onPass) =>
        {
            IReadOnlyList<Sublayer>[] candidates = [.. Candidates(config, request.Granularity).Where(c => LeavesAttention(config, c))];
            double[] without = losses.Measure(candidates, onPass, cancellation);
            if (Array.TrueForAll(without, double.IsPositiveInfinity))
                throw new RunFailedException("greedy: whatever else goes, the calibration loss is not finite");
            return [.. candidates.Zip(without, (c, loss) => new DropStep(c, null, loss)).OrderBy(step => step.Loss)]; // stable
        });
    }

    /// <summary>Ranks what the model still has, takes the first, drops it, and so on: the choice after no step, one, two, …</summary>
    private List<DropChoice> OneByOne(
        DropRequest request, Action<int, int>? onStep, Action<DroppedSublayers> drop, Func<ModelConfig, Action<int, int>, IReadOnlyList<DropStep>> rank)
    {
        List<DropChoice> grown = [new([], [])];
        ModelConfig config = _model.Config;
        while (grown.Count <= request.Count)
        {
            int before = grown.Count - 1;
            DropChoice next = Take(config, rank(config, (done, of) => onStep?.Invoke((before * of) + done, request.Count * of)), 1);
            drop(next.Dropped);
            config = config with { Dropped = config.Dropped.With(next.Dropped.Sublayers) };

            // What has gone since is no alternative any more.
            IEnumerable<DropStep> ties = grown[^1].Ties.Where(tie => !tie.Sublayers.SequenceEqual(next.Steps[0].Sublayers));
            grown.Add(new DropChoice([.. grown[^1].Steps, .. next.Steps], [.. ties, .. next.Ties]) { PassedOver = [.. grown[^1].PassedOver, .. next.PassedOver] });
        }

        return grown;
    }

    private static DropStep[] Ranked(ModelConfig config, LayerScores scores, Granularity granularity)
    {
        Dictionary<Sublayer, double> ofSublayers = scores.Sublayers.ToDictionary(s => s.Sublayer, s => s.Similarity);
        Dictionary<int, double> ofBlocks = scores.Blocks.Where(b => b.Length == 1).ToDictionary(b => b.Layer, b => b.Similarity);
        return
        [
            .. Candidates(config, granularity)
                .Select(c => new DropStep(c, granularity == Granularity.Block ? ofBlocks[c[0].Layer] : ofSublayers[c[0]], null))
                .OrderByDescending(step => step.Similarity), // stable: equals stay by index
        ];
    }

    private static DropStep[] RankedRuns(ModelConfig config, LayerScores scores, int length)
    {
        Dictionary<int, double> ofRuns = scores.Blocks.Where(b => b.Length == length).ToDictionary(b => b.Layer, b => b.Similarity);
        Sublayer[][] runs = [.. Runs(config, length)];
        if (!runs.All(run => ofRuns.ContainsKey(run[0].Layer)))
            throw new InvalidInputException("--scores", string.Create(CultureInfo.InvariantCulture, $"similarities of runs of {length} blocks"), "none");
        return [.. runs.Select(run => new DropStep(run, ofRuns[run[0].Layer], null)).OrderByDescending(step => step.Similarity)];
    }

    /// <summary>Every run of so many neighbours among the blocks that are left, as its sublayers.</summary>
    private static IEnumerable<Sublayer[]> Runs(ModelConfig config, int length)
    {
        Sublayer[][] blocks = [.. config.Sublayers().GroupBy(s => s.Layer).Select(block => block.ToArray())];
        for (int start = 0; start + length <= blocks.Length; start++) yield return [.. blocks.Skip(start).Take(length).SelectMany(block => block)];
    }

    /// <summary>The first so many that leave some attention; ties are those behind them that score as the last of them does.</summary>
    private static DropChoice Take(ModelConfig config, IReadOnlyList<DropStep> ranked, int count)
    {
        List<DropStep> taken = [], ties = [], passedOver = [];
        foreach (DropStep step in ranked)
        {
            if (taken.Count < count)
            {
                (Leaves(taken, step) ? taken : passedOver).Add(step);
                continue;
            }

            bool isScored = step.Similarity is not null || step.Loss is not null;
            if (isScored && step.Similarity == taken[^1].Similarity && step.Loss == taken[^1].Loss && Leaves(taken.Take(count - 1), step)) ties.Add(step);
        }

        return new DropChoice(taken, ties) { PassedOver = passedOver };

        bool Leaves(IEnumerable<DropStep> others, DropStep step) => LeavesAttention(config, [.. others.SelectMany(s => s.Sublayers), .. step.Sublayers]);
    }

    private static bool LeavesAttention(ModelConfig config, IReadOnlyCollection<Sublayer> dropped) =>
        config.Sublayers().Any(s => s.Kind == SublayerKind.Attention && !dropped.Contains(s));
}
