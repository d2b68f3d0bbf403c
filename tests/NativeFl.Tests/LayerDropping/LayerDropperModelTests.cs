using NativeFl.Data;
using NativeFl.LayerDropping;
using NativeFl.Models;
using NativeFl.Tensors;
using NativeFl.Tensors.Cpu;

namespace NativeFl.Tests.LayerDropping;

/// <summary>Choices on small random models against brute force in double.</summary>
public sealed class LayerDropperModelTests
{
    private const int Layers = 4;

    private Backend _backend = null!;
    private TokenizedExample[] _samples = null!;
    private int[][] _sequences = null!;

    [SetUp]
    public void Open()
    {
        _backend = new CpuBackend(new CpuBackendOptions { Threads = 2 });
        _samples = DroppingCases.Samples(6, 11);
        _sequences = [.. _samples.Select(s => s.InputIds)];
    }

    [TearDown]
    public void Close() => _backend.Dispose();

    [Test]
    public void Iterative_runs_the_other_half_of_a_block_whose_one_half_is_gone([Values] bool ofAttention)
    {
        SublayerKind kind = ofAttention ? SublayerKind.Attention : SublayerKind.Mlp;
        int differ = 0;
        for (ulong seed = 0; seed < 8; seed++)
        {
            using Transformer model = DroppingCases.Even(_backend, 6, seed);
            var request = new DropRequest { Granularity = ofAttention ? Granularity.Attention : Granularity.Mlp, Count = 4, IsIterative = true };
            DropStep[] steps = [.. new LayerDropper(model, _samples, 16).Choose(request).Steps];
            (Sublayer[] right, double[] similarities) = Iterate(model, kind, 4, skipsWholeBlocks: false);
            Assert.That(steps.SelectMany(s => s.Sublayers), Is.EqualTo(right));
            Assert.That(steps.Select(s => s.Similarity!.Value), Is.EqualTo(similarities).Within(1e-5));
            differ += Iterate(model, kind, 4, skipsWholeBlocks: true).Choice.SequenceEqual(right) ? 0 : 1;
        }

        Assert.That(differ, Is.GreaterThan(0), "skipping the whole block would choose otherwise on some of them");
    }

    [Test]
    public void Greedy_drops_what_raises_the_loss_least_each_time([Values] Granularity granularity)
    {
        using Transformer model = DroppingCases.Model(_backend, Layers, 7);
        var reference = new Reference.LlamaModel(model);
        DropStep[] steps = [.. new LayerDropper(model, _samples, 16).Choose(new DropRequest { Granularity = granularity, Count = 2, Method = DropMethod.Greedy }).Steps];
        List<Sublayer> gone = [];
        foreach (DropStep step in steps)
        {
            ModelConfig left = DroppingCases.Config(Layers, gone);
            (IReadOnlyList<Sublayer> Candidate, double Loss)[] losses =
                [.. LayerDropper.Candidates(left, granularity).Select(c => (c, reference.Loss(_sequences, [.. left.Sublayers().Except(c)])))];
            (IReadOnlyList<Sublayer> candidate, double loss) = losses.MinBy(l => l.Loss);
            Assert.That(step.Sublayers, Is.EqualTo(candidate));
            Assert.That(step.Loss!.Value, Is.EqualTo(loss).Within(1e-5 * loss));
            gone.AddRange(candidate);
        }
    }

    [Test]
    public void The_run_of_neighbours_is_the_one_across_which_the_stream_turns_least()
    {
        for (ulong seed = 0; seed < 4; seed++)
        {
            using Transformer model = DroppingCases.Model(_backend, Layers, seed);
            var reference = new Reference.LlamaModel(model);
            Sublayer[] all = [.. model.Config.Sublayers()];
            for (int count = 1; count < Layers; count++)
            {
                double[] across = reference.Similarities(_sequences, all, [.. Enumerable.Range(0, Layers - count + 1).Select(start => (2 * start, 2 * (start + count)))]);
                var request = new DropRequest { Granularity = Granularity.Block, Count = count, IsConsecutive = true };
                DropStep step = new LayerDropper(model, _samples, 16).Choose(request).Steps.Single();
                int best = Array.IndexOf(across, across.Max());
                Assert.That(step.Sublayers, Is.EqualTo(all[(2 * best)..(2 * (best + count))]));
                Assert.That(step.Similarity!.Value, Is.EqualTo(across[best]).Within(1e-5));
            }
        }
    }

    [Test]
    public void Iterative_is_one_shot_at_one_and_similarities_are_those_in_double()
    {
        using Transformer model = DroppingCases.Model(_backend, Layers, 3);
        var reference = new Reference.LlamaModel(model);
        Sublayer[] all = [.. model.Config.Sublayers()];
        LayerScores scores = new SimilarityScorer(model, 16).Measure(_samples);
        double[] sublayers = reference.Similarities(_sequences, all, [.. all.Select((_, i) => (i, i + 1))]);
        double[] blocks = reference.Similarities(_sequences, all, [.. Enumerable.Range(0, Layers).Select(l => (2 * l, (2 * l) + 2))]);
        Assert.That(scores.Sublayers.Select(s => s.Similarity), Is.EqualTo(sublayers).Within(1e-5));
        Assert.That(scores.Blocks.Select(b => b.Similarity), Is.EqualTo(blocks).Within(1e-5));
        var request = new DropRequest { Granularity = Granularity.Joint, Count = 1 };
        var dropper = new LayerDropper(model, _samples, 16);
        Assert.That(dropper.Choose(request with { IsIterative = true }).Steps[0].Similarity, Is.EqualTo(dropper.Choose(request).Steps[0].Similarity));
    }

    [Test]
    public void A_sublayer_that_adds_nothing_is_alike_is_dropped_first_and_missed_by_nobody()
    {
        Sublayer[] idle = [new(1, SublayerKind.Mlp), new(2, SublayerKind.Attention)];
        using var folder = new Cli.TemporaryFolder();
        using (Transformer whole = DroppingCases.Model(_backend, Layers, 5))
        using (Transformer without = whole.Without(new DroppedSublayers(idle)))
            without.Save(folder.Root, DType.F32, copyTokenizerFrom: null, DroppedWeights.Zeroed);
        Cli.BrokenFolders.EditJson(folder.At("config.json"), json => _ = json.Remove("drop_attn_list") && json.Remove("drop_mlp_list"));
        using Transformer model = Transformer.Load(_backend, folder.Root), shallow = model.Without(new DroppedSublayers(idle));
        Assert.That(model.Config.Dropped.Count, Is.Zero);

        LayerScores scores = new SimilarityScorer(model).Measure(_samples);
        foreach (SublayerScore score in scores.Sublayers)
            Assert.That(score.Similarity, idle.Contains(score.Sublayer) ? Is.EqualTo(1).Within(1e-7) : Is.LessThan(0.9999), $"{score.Sublayer}");
        foreach (DropMethod method in new[] { DropMethod.Similarity, DropMethod.Greedy })
        {
            DropChoice choice = new LayerDropper(model, _samples).Choose(new DropRequest { Granularity = Granularity.Joint, Count = 1, Method = method });
            if (method == DropMethod.Similarity) Assert.That(idle, Does.Contain(choice.Steps[0].Sublayers[0]));
        }

        var two = new DropRequest { Granularity = Granularity.Joint, Count = 2 };
        Assert.That(new LayerDropper(model, _samples).Choose(two).Dropped.Sublayers, Is.EqualTo(idle));
        Assert.That(Logits(shallow), Is.EqualTo(Logits(model)), "bit for bit: adding zero changes no bit");
    }

    private float[] Logits(Transformer model)
    {
        using var scorer = new TokenScorer(model);
        return [.. _sequences.SelectMany(ids =>
        {
            var logits = new float[ids.Length * model.Config.VocabularySize];
            scorer.Logits(ids, logits);
            return logits;
        })];
    }

    /// <summary>
    /// Drops the most alike, measures again, and so on, in double. LLM-Drop's code skips a block altogether while measuring once its one half is
    /// dropped.
    /// </summary>
    private (Sublayer[] Choice, double[] Similarities) Iterate(Transformer model, SublayerKind kind, int count, bool skipsWholeBlocks)
    {
        var reference = new Reference.LlamaModel(model);
        List<Sublayer> gone = [];
        List<double> similarities = [];
        while (gone.Count < count)
        {
            Sublayer[] run = [.. model.Config.Sublayers().Where(s => !gone.Contains(s) && !(skipsWholeBlocks && gone.Exists(g => g.Layer == s.Layer)))];
            double[] all = reference.Similarities(_sequences, run, [.. run.Select((_, i) => (i, i + 1))]);
            (Sublayer best, double similarity) = run.Zip(all).Where(c => c.First.Kind == kind).MaxBy(c => c.Second);
            gone.Add(best);
            similarities.Add(similarity);
        }

        return ([.. gone], [.. similarities]);
    }
}
