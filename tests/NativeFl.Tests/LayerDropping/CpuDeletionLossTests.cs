using NativeFl.Data;
using NativeFl.LayerDropping;
using NativeFl.Models;
using NativeFl.Tensors;
using NativeFl.Tensors.Cpu;

namespace NativeFl.Tests.LayerDropping;

internal sealed class CpuDeletionLossTests : DeletionLossTest
{
    [Test]
    public void Progress_goes_over_the_samples_and_cancelling_stops_between_passes()
    {
        using Backend backend = Open();
        using Transformer model = DroppingCases.Model(backend, 3, 1);
        TokenizedExample[] samples = DroppingCases.Samples(6, 2);
        using var stop = new CancellationTokenSource();
        List<(int Done, int Of)> told = [];
        var request = new DropRequest { Granularity = Granularity.Joint, Count = 2, Method = DropMethod.Greedy };
        new LayerDropper(model, samples, 16).Choose(request, (done, of) => told.Add((done, of)));
        Assert.Multiple(() =>
        {
            Assert.That(told.Select(t => t.Of), Is.All.EqualTo(2 * samples.Length), "two times over the samples");
            Assert.That(told.Select(t => t.Done), Is.Ordered);
            Assert.That(told[0].Done, Is.Zero);
            Assert.That(told[^1].Done, Is.InRange(samples.Length, (2 * samples.Length) - 1));
        });
        told.Clear();
        Assert.That(
            () => new LayerDropper(model, samples, 16).Choose(
                request,
                (done, of) =>
                {
                    told.Add((done, of));
                    if (told.Count == 3) stop.Cancel();
                },
                stop.Token),
            Throws.InstanceOf<OperationCanceledException>());
        Assert.That(told, Has.Count.EqualTo(3));
    }

    [Test]
    public void Only_a_stream_that_is_kept_can_be_gone_on_from()
    {
        using Backend backend = Open();
        using Transformer model = DroppingCases.Model(backend, 2, 1);
        var kept = new HashSet<Sublayer> { new(1, SublayerKind.Attention) };
        using var pass = new TransformerPass(model, new PassOptions { MaxRows = 4, MaxHeadRows = 4, Kept = kept });
        var batch = new TokenBatch();
        batch.AddSequence([1, 2, 3], [1, 2, 3], [0], 1);
        pass.ForwardKept(batch);
        Assert.That(() => pass.ForwardWithout(1, 1), Throws.InstanceOf<ArgumentOutOfRangeException>());
        Assert.That(() => pass.ForwardWithout(2, 1), Throws.Nothing);
    }

    protected override Backend Open() => new CpuBackend(new CpuBackendOptions { Threads = 2 });
}
