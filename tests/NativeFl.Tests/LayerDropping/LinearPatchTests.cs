using CsCheck;
using NativeFl.Data;
using NativeFl.Finetuning;
using NativeFl.LayerDropping;
using NativeFl.Models;
using NativeFl.Tensors;
using NativeFl.Tensors.Cpu;
using NativeFl.Tests.Finetuning;
using NativeFl.Tests.Models;

namespace NativeFl.Tests.LayerDropping;

/// <summary>The linear patch on small models: what it makes up for, what it is folded into, and what it leaves alone.</summary>
public sealed class LinearPatchTests
{
    private const SublayerKind Attention = SublayerKind.Attention, Mlp = SublayerKind.Mlp;

    [Test]
    public void The_stream_behind_a_gap_is_never_further_off_than_without_the_patch()
    {
        using CpuBackend backend = TrainingCases.Backend();
        using Transformer random = Transformer.Random(backend, Narrow(), DType.F32, 3);
        TokenizedExample[] samples = TrainingCases.Examples(12, 5);
        Gen.Select(Gen.Bool.Array[2 * random.Config.LayerCount], Gen.OneOf(Gen.Const(1e-6), Gen.Const(1e-3), Gen.Const(1.0))).Sample((drop, ridge) =>
        {
            var dropped = new DroppedSublayers(Sublayer.All(random.Config.LayerCount).Where(s => drop[s.Index]));
            if (dropped.Mask(Attention, random.Config.LayerCount).All(d => d)) return;
            LinearPatch patch = LinearPatch.Fit(random, dropped, samples, ridge);
            using Transformer patched = random.Clone();
            patch.ApplyTo(patched);
            foreach (PatchedGap gap in patch.Gaps.Where(g => g.Into is not null))
            {
                Assert.That(gap.ErrorAfter, Is.LessThanOrEqualTo(gap.ErrorBefore!.Value));
                double measured = PatchCases.Error(random, patched, dropped, gap, samples);

                // The stream's f32 rounding: a dozen sums, 2⁻²⁴ each, and what the next layers make of it.
                Assert.That(measured, Is.EqualTo(gap.ErrorAfter).Within(1e-5), $"{dropped}, behind {gap.Into}");
            }

            PatchedGap? first = patch.Gaps.FirstOrDefault(g => g.Into is not null);
            if (first is not null) Assert.That(PatchCases.Error(random, random, dropped, first, samples), Is.EqualTo(first.ErrorBefore).Within(1e-5));
        }, iter: 40, threads: 1);
    }

    [TestCase(Attention)]
    [TestCase(Mlp)]
    public void What_is_linear_in_the_carriers_output_is_recovered_exactly(SublayerKind carrier)
    {
        using CpuBackend backend = TrainingCases.Backend();
        using Transformer model = PatchCases.WithLinearGap(backend, carrier);
        TokenizedExample[] samples = [.. Enumerable.Range(0, model.Config.VocabularySize).Select(id => new TokenizedExample($"{id}", [id], [id]))];
        DroppedSublayers dropped = new(carrier == Attention ? [new Sublayer(0, Mlp), new Sublayer(1, Attention)] : [new Sublayer(1, Attention)]);
        LinearPatch patch = LinearPatch.Fit(model, dropped, samples, ridge: 1e-9);
        PatchedGap gap = patch.Gaps.Single();
        using Transformer patched = model.Clone();
        patch.ApplyTo(patched);
        Assert.Multiple(() =>
        {
            Assert.That(gap.Into, Is.EqualTo(new ModuleId(0, carrier == Attention ? Projection.Output : Projection.Down)));
            Assert.That(gap.ErrorBefore, Is.GreaterThan(0.1));
            Assert.That(gap.ErrorAfter, Is.LessThan(1e-6));
            Assert.That(PatchCases.Error(model, patched, dropped, gap, samples), Is.LessThan(2e-6), "with weights in f32");
        });
    }

    [Test]
    public void A_patch_is_folded_into_weights_and_biases_value_by_value()
    {
        using CpuBackend backend = TrainingCases.Backend();
        using Transformer model = Transformer.Load(backend, Fixtures.Path("models", "llama-biases"));
        int width = model.Config.HiddenSize;
        var draws = new Philox(8);
        double[] correction = [.. Enumerable.Range(0, width * width).Select(_ => draws.NextNormal())];
        var module = new ModuleId(0, Projection.Down);
        using Transformer patched = model.Clone();
        new PatchedGap([], module, 1, 0, correction).ApplyTo(patched);
        foreach (ModelParameter parameter in model.Weights.Layout.Parameters)
        {
            float[] before = model.ReadTensor(parameter.Name), after = patched.ReadTensor(parameter.Name);
            if (!parameter.Name.StartsWith(module.Name, StringComparison.Ordinal))
            {
                Assert.That(after, Is.EqualTo(before), parameter.Name);
                continue;
            }

            int columns = Math.Max(parameter.Columns, 1);
            for (int i = 0; i < before.Length; i++)
            {
                double sum = before[i], size = Math.Abs(before[i]);
                for (int k = 0; k < width; k++)
                {
                    double term = correction[(k * width) + (i / columns)] * before[(k * columns) + (i % columns)];
                    (sum, size) = (sum + term, size + Math.Abs(term));
                }

                Assert.That(after[i], Is.EqualTo(sum).Within(size * Math.ScaleB(1, -23)), $"{parameter.Name}[{i}]");
            }
        }
    }

    [Test]
    public void The_folded_map_gives_the_logits_of_the_map_applied_apart()
    {
        using CpuBackend backend = TrainingCases.Backend();
        using Transformer model = Transformer.Load(backend, Fixtures.Path("models", "llama"));
        using var fixture = new FixtureCase("llama");
        DroppedSublayers dropped = new([new Sublayer(1, Attention)]);
        LinearPatch patch = LinearPatch.Fit(model, dropped, fixture.Examples);
        using Transformer patched = model.Clone(), view = model.Without(dropped), folded = patched.Without(dropped);
        patch.ApplyTo(patched);

        // y = W x + D (W x): an adapter whose A is W and whose B is Dᵀ.
        ModuleId module = patch.Gaps.Single().Into!.Value;
        (int rows, int columns) = model.Config.ShapeOf(module.Projection);
        float[] b = [.. patch.Gaps.Single().Correction.ToArray().Select(v => (float)v)];
        var factors = new LoraFactors(rows, rows, columns, 1, model.ReadTensor(module.Name + ".weight"), b);
        using var stack = new AdapterStack(view, [new AdapterWeights(new Dictionary<ModuleId, LoraFactors> { [module] = factors })], trainable: false);
        float[] apart = Logits(view, stack, fixture.Examples[0].InputIds), inside = Logits(folded, null, fixture.Examples[0].InputIds);
        Assert.That(FixtureCase.Distance(inside, apart), Is.LessThan(1e-5));
        Assert.That(FixtureCase.Distance(inside, Logits(view, null, fixture.Examples[0].InputIds)), Is.GreaterThan(1e-2), "the patch does something");
    }

    [Test]
    public void A_ridge_without_end_leaves_every_weight_as_it_is()
    {
        using CpuBackend backend = TrainingCases.Backend();
        using Transformer model = Transformer.Load(backend, Fixtures.Path("models", "llama-biases")), patched = model.Clone();
        LinearPatch patch = LinearPatch.Fit(model, new([new Sublayer(1, Attention)]), PatchCases.Samples(model), ridge: 1e12);
        patch.ApplyTo(patched);
        foreach (ModelParameter parameter in model.Weights.Layout.Parameters)
            Assert.That(patched.ReadTensor(parameter.Name), Is.EqualTo(model.ReadTensor(parameter.Name)), parameter.Name);
        Assert.That(patch.Gaps.Single().ErrorAfter, Is.EqualTo(patch.Gaps.Single().ErrorBefore).Within(1e-9));
    }

    [Test]
    public void Every_gap_has_the_sublayer_before_it_and_none_at_the_front()
    {
        using CpuBackend backend = TrainingCases.Backend();
        using Transformer model = Transformer.Load(backend, Fixtures.Path("models", "llama"));
        Sublayer[] gone = [new(0, Attention), new(1, Mlp), new(2, Attention), new(2, Mlp)];
        LinearPatch patch = LinearPatch.Fit(model, new(gone), PatchCases.Samples(model));
        Assert.Multiple(() =>
        {
            Assert.That(patch.Gaps.Select(g => g.Into), Is.EqualTo(new ModuleId?[] { null, new ModuleId(1, Projection.Output) }));
            Assert.That(patch.Gaps.SelectMany(g => g.Dropped), Is.EqualTo(gone));
            Assert.That(patch.Gaps[0].ErrorBefore, Is.Null);
            Assert.That(patch.Tokens, Is.EqualTo(PatchCases.Samples(model).Sum(s => s.InputIds.Length)));
        });
        using Transformer once = model.Without(new([gone[1]]));
        LinearPatch again = LinearPatch.Fit(once, new([gone[0], gone[3]]), PatchCases.Samples(model));
        Assert.That(again.Gaps.SelectMany(g => g.Dropped), Is.EqualTo(new[] { gone[0], gone[3] }), "what was gone before is no gap");
        Assert.That(LinearPatch.Fit(model, new([gone[0]]), PatchCases.Samples(model)).Gaps.Single().Into, Is.Null);
        Assert.That(LinearPatch.Fit(model, DroppedSublayers.None, PatchCases.Samples(model)).Gaps, Is.Empty);
    }

    [Test]
    public void Fitting_leaves_the_model_alone_and_gives_the_same_bits_whatever_the_threads()
    {
        using CpuBackend one = TrainingCases.Backend(1), two = TrainingCases.Backend(2);
        using Transformer first = Transformer.Load(one, Fixtures.Path("models", "llama")), second = Transformer.Load(two, Fixtures.Path("models", "llama"));
        using Transformer before = first.Clone();
        DroppedSublayers dropped = new([new Sublayer(1, Attention), new Sublayer(2, Attention)]);
        LinearPatch[] patches = [.. new[] { first, first, second }.Select(model => LinearPatch.Fit(model, dropped, PatchCases.Samples(model)))];
        foreach (ModelParameter parameter in before.Weights.Layout.Parameters)
            Assert.That(first.ReadTensor(parameter.Name), Is.EqualTo(before.ReadTensor(parameter.Name)), parameter.Name);
        for (int gap = 0; gap < 2; gap++)
        {
            Assert.That(patches[1].Gaps[gap].Correction.SequenceEqual(patches[0].Gaps[gap].Correction), "the same bits twice");
            Assert.That(patches[2].Gaps[gap].Correction.SequenceEqual(patches[0].Gaps[gap].Correction), "the same bits on another number of threads");
        }
    }

    [Test]
    public void No_tokens_and_too_few_are_refused()
    {
        using CpuBackend backend = TrainingCases.Backend();
        using Transformer model = Transformer.Load(backend, Fixtures.Path("models", "llama"));
        DroppedSublayers dropped = new([new Sublayer(1, Attention)]);
        Assert.That(() => LinearPatch.Fit(model, dropped, []), Throws.TypeOf<InvalidInputException>());
        Assert.That(
            () => LinearPatch.Fit(model, dropped, TrainingCases.Examples(2, 1), ridge: 0),
            Throws.TypeOf<RunFailedException>().With.Message.StartsWith("behind mlp 0: "));
        Assert.That(LinearPatch.Fit(model, dropped, TrainingCases.Examples(2, 1)).Gaps, Has.Count.EqualTo(1), "the default ridge makes it determined");
    }

    private static ModelConfig Narrow() => ModelConfigFile.Load(Fixtures.Path("models", "llama")) with { LayerCount = 4, HiddenSize = 24 };

    private static float[] Logits(Transformer model, AdapterStack? stack, int[] ids)
    {
        using var scorer = new TokenScorer(model, stack);
        var logits = new float[ids.Length * model.Config.VocabularySize];
        scorer.Logits(ids, logits);
        return logits;
    }
}
