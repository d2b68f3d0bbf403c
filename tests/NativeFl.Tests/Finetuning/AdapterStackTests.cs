using CsCheck;
using NativeFl.Finetuning;
using NativeFl.Models;
using NativeFl.Tensors;
using NativeFl.Tests.Models;

namespace NativeFl.Tests.Finetuning;

public sealed class AdapterStackTests() : ModelTest("qwen2")
{
    [Test]
    public void Any_mix_of_adapters_survives_the_stack_and_merges_to_the_sum_of_products()
    {
        var modules = Model.Config.Modules().ToArray();
        Gen.Select(Gen.Int[0, 9].Array[1, 5], Gen.Float[-2, 2].Array[5], Gen.Int[0, 1000]).Sample(
            (ranks, weights, seed) =>
            {
                var adapters = ranks.Select((r, k) => r == 0 ? null : Partial(TrainingCases.Adapter(Model.Config, r, (ulong)(seed + k)), k)).ToArray();
                using var stack = new AdapterStack(Model, adapters, trainable: false);
                for (int k = 0; k < adapters.Length; k++)
                {
                    if (adapters[k] is { } adapter) Assert.That(TrainingCases.Same(stack.Export(k), adapter));
                }

                float[] used = weights[..adapters.Length];
                using var merged = Model.Clone();
                stack.MergeInto(used, merged);
                foreach (var id in (ModuleId[])[modules[0], modules[9], modules[^1]]) CheckMerged(Model, merged, id, adapters, used);
            },
            iter: 20, threads: 1);
    }

    [Test]
    public void A_weight_of_zero_is_skipped_and_its_NaN_reaches_nothing()
    {
        var good = TrainingCases.Adapter(Model.Config, 3, 1);
        var bad = TrainingCases.Adapter(Model.Config, 4, 2);
        foreach (var factors in bad.Modules.Values)
        {
            Array.Fill(factors.A, float.NaN);
            Array.Fill(factors.B, float.PositiveInfinity);
        }

        using var stack = new AdapterStack(Model, [bad, good], trainable: false);
        using var alone = new AdapterStack(Model, [good], trainable: false);
        using var merged = Model.Clone();
        using var expected = Model.Clone();
        stack.MergeInto([0, 0.5f], merged);
        alone.MergeInto([0.5f], expected);
        var examples = TrainingCases.Examples(3, 1);
        using var masked = new TokenScorer(Model, stack, [0, 0.5f]);
        using var plain = new TokenScorer(Model, alone, [0.5f]);
        Assert.Multiple(() =>
        {
            foreach (var parameter in Model.Weights.Layout.Parameters)
                Assert.That(merged.ReadTensor(parameter.Name), Is.EqualTo(expected.ReadTensor(parameter.Name)));
            Assert.That(masked.Losses(examples), Is.EqualTo(plain.Losses(examples)));
        });
    }

    [Test]
    public void An_adapter_of_another_base_is_refused_by_name()
    {
        var adapter = LoraInitialisation.Create(Model.Config with { HiddenSize = 40 }, new LoraOptions { Rank = 2 }, 1);
        Assert.That(
            () => new AdapterStack(Model, [adapter], trainable: false),
            Throws.InstanceOf<InvalidInputException>().With.Message.Contains("q_proj").And.Message.Contains("(48, 48)").And.Message.Contains("(48, 40)"));
    }

    /// <summary>Adapter k leaves out every module whose index it divides, so that ranks differ by module.</summary>
    private static AdapterWeights Partial(AdapterWeights adapter, int k) =>
        new(adapter.Modules.Where(m => k < 2 || m.Key.Index % k != 0).ToDictionary(m => m.Key, m => m.Value));

    private static void CheckMerged(Transformer model, Transformer merged, ModuleId id, AdapterWeights?[] adapters, float[] weights)
    {
        var (outFeatures, inFeatures) = model.Config.ShapeOf(id.Projection);
        float[] before = model.ReadTensor(id.Name + ".weight"), after = merged.ReadTensor(id.Name + ".weight");
        for (int o = 0; o < outFeatures; o++)
        {
            for (int i = 0; i < inFeatures; i++)
            {
                double sum = before[(o * inFeatures) + i], size = Math.Abs(sum);
                for (int k = 0; k < adapters.Length; k++)
                {
                    if (weights[k] == 0 || adapters[k]?.Modules.GetValueOrDefault(id) is not { } f) continue;
                    for (int r = 0; r < f.Rank; r++)
                    {
                        double term = (double)weights[k] * f.Scaling * f.B[(r * outFeatures) + o] * f.A[(r * inFeatures) + i];
                        sum += term;
                        size += Math.Abs(term);
                    }
                }

                // Up to 45 products and sums in f32: each rounds by 2^-24 of the running size.
                Assert.That(after[(o * inFeatures) + i], Is.EqualTo(sum).Within(64 * Math.Pow(2, -24) * size));
            }
        }
    }
}
