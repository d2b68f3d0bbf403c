using NativeFl.Evaluation;
using NativeFl.LayerDropping;
using NativeFl.Models;
using NativeFl.Tensors;
using NativeFl.Tests.Finetuning;

namespace NativeFl.Tests.LayerDropping;

public sealed class DropSweepTests
{
    private Backend _backend = null!;
    private Transformer _model = null!;

    [SetUp]
    public void Open()
    {
        _backend = TrainingCases.Backend();
        _model = TrainingCases.Model(_backend);
    }

    [TearDown]
    public void Close()
    {
        _model.Dispose();
        _backend.Dispose();
    }

    [Test]
    public void A_chain_is_chosen_once_and_runs_of_blocks_count_by_count()
    {
        var dropper = new LayerDropper(_model, TrainingCases.Examples(4, 1));
        int passes = 0;
        var request = new DropRequest { Count = 0, Granularity = Granularity.Joint, Method = DropMethod.Greedy };
        IReadOnlyList<DropChoice> chain = dropper.Choose(request, [0, 3, 2], (_, _) => passes++);
        Assert.That(chain.Select(c => c.Steps.Count), Is.EqualTo(new[] { 0, 3, 2 }));
        Assert.That(chain[1].Steps.Take(2), Is.EqualTo(chain[2].Steps), "one is the beginning of the other");
        Assert.That(passes, Is.EqualTo(6 + 5 + 4), "every candidate of three steps, once");

        request = new DropRequest { Count = 0, Granularity = Granularity.Block, IsConsecutive = true };
        IReadOnlyList<DropChoice> runs = dropper.Choose(request, [1, 2]);
        Assert.That(runs.Select(c => c.Steps.Single().Sublayers.Count), Is.EqualTo(new[] { 2, 4 }));
        Assert.That(runs[1].Steps[0].Similarity, Is.EqualTo(dropper.Choose(request with { Count = 2 }).Steps[0].Similarity));
    }

    [Test]
    public void Every_view_has_what_is_left_of_the_adapter()
    {
        AdapterWeights adapter = TrainingCases.Adapter(_model.Config, 2, 1);
        var sweep = new DropSweep(_model, [Choice(), Choice(new Sublayer(1, SublayerKind.Attention))], adapter);
        IReadOnlyList<(int Sublayers, int Modules)> seen = sweep.Evaluate((_, view, stack) => (view.Config.Sublayers().Count(), stack!.Export(0).Modules.Count));
        Assert.That(seen, Is.EqualTo(new[] { (6, 21), (5, 17) }));
        Assert.That(_model.Config.Dropped.Count, Is.Zero, "the model itself is as it was");
    }

    [Test]
    public void An_adapter_of_which_nothing_is_left_is_refused_before_anything_is_measured()
    {
        AdapterWeights whole = TrainingCases.Adapter(_model.Config, 2, 1);
        var adapter = new AdapterWeights(whole.Modules.Where(m => m.Key is { Layer: 2, Projection: Projection.Down }).ToDictionary());
        Assert.That(
            () => new DropSweep(_model, [Choice(), Choice(new Sublayer(2, SublayerKind.Mlp))], adapter),
            Throws.TypeOf<InvalidInputException>().With.Message.Contains("mlp 2"));
        Assert.That(() => new DropSweep(_model, [Choice(new Sublayer(2, SublayerKind.Attention))], adapter), Throws.Nothing);
    }

    [Test]
    public void Speeds_are_taken_in_rounds_and_pooled()
    {
        var sweep = new DropSweep(_model, [Choice(), Choice(new Sublayer(0, SublayerKind.Attention))]);
        DecodeOptions[] cases = [new() { PromptLength = 3, NewTokens = 4 }, new() { Sequences = 2, PromptLength = 3, NewTokens = 2 }];
        List<(int, int)> told = [];
        IReadOnlyList<IReadOnlyList<DecodeResult>> results = sweep.Decode(cases, rounds: 3, (done, of) => told.Add((done, of)));
        Assert.Multiple(() =>
        {
            Assert.That(results.Select(r => r.Select(d => d.StepSeconds.Count)), Is.All.EqualTo(new[] { 9, 3 }));
            Assert.That(results.Select(r => r.Select(d => d.PrefillSeconds.Count)), Is.All.EqualTo(new[] { 3, 6 }));
            Assert.That(results.Select(r => r.Select(d => d.Options)), Is.All.EqualTo(cases));
            Assert.That(told, Is.EqualTo(Enumerable.Range(1, 12).Select(i => (i, 12))));
            Assert.That(3 * results[1][1].CacheBytes, Is.EqualTo(2 * results[0][1].CacheBytes), "two of three attention layers");
        });
    }

    private static DropChoice Choice(params Sublayer[] sublayers) => new([.. sublayers.Select(s => new DropStep([s], null, null))], []);
}
