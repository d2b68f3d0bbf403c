using CsCheck;
using NativeFl.LayerDropping;
using NativeFl.Models;
using NativeFl.Tensors;
using NativeFl.Tensors.Cpu;

namespace NativeFl.Tests.LayerDropping;

/// <summary>What holds of every choice, on models of any depth that go without sublayers already, and with scores that tie.</summary>
public sealed class LayerDropperLawTests
{
    private static readonly Gen<Granularity> AnyGranularity = Gen.Enum<Granularity>();

    /// <summary>Up to five blocks; some sublayers are gone, never all attention.</summary>
    private static readonly Gen<ModelConfig> AnyModel = Gen.Select(Gen.Int[1, 5], Gen.Bool.Array[10], Gen.Int[0, 4]).Select((layers, gone, stays) =>
        DroppingCases.Config(layers, [.. Sublayer.All(layers).Where((s, i) => gone[i] && s != new Sublayer(stays % layers, SublayerKind.Attention))]));

    [Test]
    public void Candidates_are_what_is_left_each_once_and_by_index() => Gen.Select(AnyModel, AnyGranularity).Sample((config, granularity) =>
    {
        IReadOnlyList<IReadOnlyList<Sublayer>> candidates = LayerDropper.Candidates(config, granularity);
        IEnumerable<Sublayer> meant = config.Sublayers().Where(s => granularity switch
        {
            Granularity.Attention => s.Kind == SublayerKind.Attention,
            Granularity.Mlp => s.Kind == SublayerKind.Mlp,
            _ => true,
        });
        Assert.That(candidates.SelectMany(c => c), Is.EquivalentTo(meant));
        Assert.That(candidates.Select(c => c.Select(s => s.Layer).Distinct().Count()), Is.All.EqualTo(1), "of one block each");
        if (granularity == Granularity.Block) Assert.That(candidates.Select(c => c[0].Layer), Is.Ordered.And.Unique);
        else Assert.That(candidates.Select(c => (c.Count, (int)c[0].Kind, c[0].Layer)), Is.Ordered);
        return true;
    });

    [Test]
    public void The_most_alike_go_by_index_where_they_tie_and_ties_are_what_could_stand_for_the_last() =>
        Gen.Select(AnyModel, AnyGranularity, Gen.Int[1, 4], Gen.ULong).Sample((config, granularity, values, seed) =>
        {
            LayerScores scores = DroppingCases.Scores(config, values, seed);
            IReadOnlyList<Sublayer>[] order = [.. LayerDropper.Candidates(config, granularity).OrderByDescending(c => DroppingCases.Similarity(scores, granularity, c))];

            // A candidate is refused only where it has the last attention there is: the last one in order that has any.
            IReadOnlyList<Sublayer>? stays = granularity == Granularity.Mlp ? null : order.Last(c => c[0].Kind == SublayerKind.Attention);
            IReadOnlyList<Sublayer>[] free = [.. order.Where(c => c != stays)];
            int most = LayerDropper.Most(config, granularity);
            Assert.That(most, Is.EqualTo(free.Length));
            for (int count = 0; count <= most; count++)
            {
                DropChoice choice = LayerDropper.FromScores(config, scores, new DropRequest { Granularity = granularity, Count = count });
                Assert.That(choice.Steps.Select(s => s.Sublayers), Is.EqualTo(free[..count]), $"{count} of {granularity}: nested, best first");
                Assert.That(choice.Steps.Select(s => s.Similarity), Is.EqualTo(free[..count].Select(c => DroppingCases.Similarity(scores, granularity, c))));
                Assert.That(DroppingCases.LeavesAttention(config, choice.Steps.Select(s => s.Sublayers)));
                IEnumerable<IReadOnlyList<Sublayer>> ties = count == 0 ? [] : order.Where(c =>
                    !free.Take(count).Contains(c) && DroppingCases.Similarity(scores, granularity, c) == choice.Steps[^1].Similarity
                    && DroppingCases.LeavesAttention(config, [.. free[..(count - 1)], c]));
                Assert.That(choice.Ties.Select(s => s.Sublayers), Is.EqualTo(ties), "ties");
                bool isPassedOver = stays is not null && count > 0 && Array.IndexOf(order, stays) < Array.IndexOf(order, free[count - 1]);
                Assert.That(choice.PassedOver.Select(s => s.Sublayers), Is.EqualTo(isPassedOver ? [stays!] : Array.Empty<object>()), "passed over");
            }

            return true;
        });

    [Test]
    public void The_best_run_of_neighbours_is_ranked_by_its_own_length() => Gen.Select(AnyModel, Gen.Int[1, 9], Gen.ULong).Sample((config, values, seed) =>
    {
        LayerScores scores = DroppingCases.Scores(config, values, seed);
        int[] blocks = [.. config.Sublayers().Select(s => s.Layer).Distinct()];
        for (int count = 1; count < blocks.Length; count++)
        {
            var request = new DropRequest { Granularity = Granularity.Block, Count = count, IsConsecutive = true };
            (double Similarity, Sublayer[] Run)[] runs =
            [
                .. Enumerable.Range(0, blocks.Length - count + 1)
                    .Select(start => (
                        scores.Blocks.Single(b => b.Length == count && b.Layer == blocks[start]).Similarity,
                        config.Sublayers().Where(s => blocks.Skip(start).Take(count).Contains(s.Layer)).ToArray()))
                    .Where(run => DroppingCases.LeavesAttention(config, [run.Item2])),
            ];
            if (runs.Length == 0)
            {
                Assert.That(() => LayerDropper.FromScores(config, scores, request), Throws.TypeOf<InvalidInputException>().With.Message.Contains("attention"));
                continue;
            }

            DropStep step = LayerDropper.FromScores(config, scores, request).Steps.Single();
            double best = runs.Max(run => run.Similarity);
            Assert.That(step.Similarity, Is.EqualTo(best));
            Assert.That(step.Sublayers, Is.EqualTo(runs.First(run => run.Similarity == best).Run));
        }

        return true;
    });

    [Test]
    public void Any_count_up_to_the_most_can_be_had_and_not_one_more_by_every_method_that_does_not_measure()
    {
        using var backend = new CpuBackend(new CpuBackendOptions { Threads = 1 });
        using Transformer whole = DroppingCases.Model(backend, 4, 1);
        Gen.Select(Gen.Bool.Array[8], Gen.Int[0, 3], AnyGranularity, Gen.ULong[0, 9]).Sample(
            (gone, stays, granularity, seed) =>
            {
                Sublayer[] dropped = [.. Sublayer.All(4).Where((s, i) => gone[i] && s != new Sublayer(stays, SublayerKind.Attention))];
                using Transformer model = whole.Without(new DroppedSublayers(dropped));
                var dropper = new LayerDropper(model, []);
                int most = LayerDropper.Most(model.Config, granularity);
                foreach (DropMethod method in new[] { DropMethod.First, DropMethod.Last, DropMethod.Random })
                {
                    var request = new DropRequest { Granularity = granularity, Count = most, Method = method, Seed = seed };
                    DropStep[] steps = [.. dropper.Choose(request).Steps];
                    Assert.That(steps, Has.Length.EqualTo(most));
                    Assert.That(steps.SelectMany(s => s.Sublayers), Is.Unique.And.SubsetOf(model.Config.Sublayers()));
                    Assert.That(DroppingCases.LeavesAttention(model.Config, steps.Select(s => s.Sublayers)));
                    for (int count = 0; count < most; count++)
                        Assert.That(dropper.Choose(request with { Count = count }).Steps.Select(s => s.Sublayers), Is.EqualTo(steps[..count].Select(s => s.Sublayers)), "nested");
                    Assert.That(() => dropper.Choose(request with { Count = most + 1 }), Throws.TypeOf<InvalidInputException>().With.Message.Contains($"0 to {most} "));
                }

                return true;
            },
            iter: 60,
            threads: 1);
    }

    [Test]
    public void First_and_last_go_in_order_of_execution_also_over_both_kinds()
    {
        using var backend = new CpuBackend(new CpuBackendOptions { Threads = 1 });
        using Transformer model = DroppingCases.Model(backend, 3, 1);
        Sublayer[] all = [.. model.Config.Sublayers()];
        DropChoice Choose(DropMethod method) =>
            new LayerDropper(model, []).Choose(new DropRequest { Granularity = Granularity.Joint, Count = 3, Method = method });
        Assert.That(Choose(DropMethod.First).Steps.SelectMany(s => s.Sublayers), Is.EqualTo(all[..3]));
        Assert.That(Choose(DropMethod.Last).Steps.SelectMany(s => s.Sublayers), Is.EqualTo(all[3..].Reverse()));
    }

    [Test]
    public void A_seed_decides_what_is_random()
    {
        using var backend = new CpuBackend(new CpuBackendOptions { Threads = 1 });
        using Transformer model = DroppingCases.Model(backend, 4, 1);
        string Choose(ulong seed) =>
            $"{new LayerDropper(model, []).Choose(new DropRequest { Granularity = Granularity.Joint, Count = 4, Method = DropMethod.Random, Seed = seed }).Dropped}";
        string once = Choose(3), again = Choose(3);
        Assert.That(again, Is.EqualTo(once));
        Assert.That(Enumerable.Range(0, 20).Select(seed => Choose((ulong)seed)).Distinct().Count(), Is.GreaterThan(10));
    }
}
