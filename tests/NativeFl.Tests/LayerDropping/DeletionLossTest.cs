using NativeFl.Data;
using NativeFl.Evaluation;
using NativeFl.LayerDropping;
using NativeFl.Models;
using NativeFl.Tensors;

namespace NativeFl.Tests.LayerDropping;

/// <summary>Losses that go on from a kept stream against those of the model without the candidate in a pass of its own: the same bits.</summary>
internal abstract class DeletionLossTest
{
    // Several batches, some of several samples, and one sample that is longer than a batch.
    private const int MaxRows = 20;

    private Backend _backend = null!;
    private Transformer _model = null!;

    /// <summary>The backend under test.</summary>
    protected abstract Backend Open();

    /// <summary>What is measured on.</summary>
    protected virtual int Samples => 9;

    [OneTimeSetUp]
    public void Load()
    {
        _backend = Open();
        _model = Transformer.Load(_backend, Fixtures.Path("models", "llama"));
    }

    [OneTimeTearDown]
    public void Unload()
    {
        _model?.Dispose();
        _backend?.Dispose();
    }

    [Test]
    public void They_are_those_of_the_model_without_the_candidate_also_after_drops(
        [Values(Granularity.Attention, Granularity.Block, Granularity.Joint)] Granularity granularity)
    {
        TokenizedExample[] samples = [.. DroppingCases.Samples(Samples, 3, vocabulary: 256), Long(), .. DroppingCases.Samples(2, 4, vocabulary: 256)];
        IReadOnlyList<IReadOnlyList<Sublayer>> candidates = LayerDropper.Candidates(_model.Config, granularity);
        using var losses = new DeletionLosses(_model, samples, candidates, MaxRows);
        Assert.That(losses.Measure(candidates, null, default), Is.EqualTo(Whole(samples, candidates, [])));

        // First the middle, so that the streams of the others move, then the first.
        IReadOnlyList<Sublayer> middle = candidates[1], first = candidates[0];
        losses.Drop(new DroppedSublayers(middle));
        IReadOnlyList<Sublayer>[] left = [.. candidates.Where((_, i) => i != 1)];
        Assert.That(losses.Measure(left, null, default), Is.EqualTo(Whole(samples, left, middle)));
        losses.Drop(new DroppedSublayers(first));
        IReadOnlyList<Sublayer>[] rest = [.. left.Skip(1).Where(c => DroppingCases.LeavesAttention(_model.Config, [c, middle, first]))];
        Assert.That(losses.Measure(rest, null, default), Is.EqualTo(Whole(samples, rest, [.. middle, .. first])));
    }

    [Test]
    public void A_run_of_sublayers_may_go_as_one()
    {
        TokenizedExample[] samples = DroppingCases.Samples(4, 5, vocabulary: 256);
        Sublayer[] all = [.. _model.Config.Sublayers()];
        IReadOnlyList<Sublayer>[] runs = [all[..3], all[1..5], all[2..], all[3..4]];
        using var losses = new DeletionLosses(_model, samples, runs, MaxRows);
        Assert.That(losses.Measure(runs, null, default), Is.EqualTo(Whole(samples, runs, [])));
    }

    private double[] Whole(IReadOnlyList<TokenizedExample> samples, IReadOnlyList<IReadOnlyList<Sublayer>> candidates, IReadOnlyList<Sublayer> gone) =>
    [
        .. candidates.Select(candidate =>
        {
            using Transformer without = _model.Without(new DroppedSublayers([.. candidate, .. gone]));
            using var scorer = new TokenScorer(without, maxRows: MaxRows);
            return Perplexity.Measure(scorer, samples).Loss;
        }),
    ];

    private static TokenizedExample Long()
    {
        int[] ids = [.. Enumerable.Range(0, MaxRows + 5).Select(i => 7 * i % 256)];
        return new TokenizedExample("long", ids, [.. ids.Select((id, i) => i % 3 == 0 ? TokenizedExample.Ignored : id)]) { Starts = [0, 11] };
    }
}
