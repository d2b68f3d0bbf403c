using NativeFl.Data;
using NativeFl.Finetuning;
using NativeFl.Models;
using NativeFl.Tensors;

namespace NativeFl.Tests.Finetuning;

public sealed class FullTrainerTests
{
    [TestCase("qwen2", "model.layers.1.self_attn.k_proj.bias")]
    [TestCase("qwen2", "model.layers.0.mlp.gate_proj.weight")]
    [TestCase("qwen2", "model.embed_tokens.weight")]
    [TestCase("qwen2", "model.norm.weight")]
    [TestCase("llama", "lm_head.weight")]
    [TestCase("llama", "model.embed_tokens.weight")]
    [TestCase("llama", "model.layers.2.input_layernorm.weight")]
    [TestCase("llama", "model.layers.0.post_attention_layernorm.weight")]
    [TestCase("llama", "model.layers.1.mlp.down_proj.weight")]
    [TestCase("llama", "model.layers.1.self_attn.v_proj.weight")]
    public void Gradients_of_all_weights_agree_with_finite_differences(string fixture, string tensor)
    {
        using var backend = TrainingCases.Backend();
        using var model = Transformer.Load(backend, Fixtures.Path("models", fixture), DType.F32);
        var examples = TrainingCases.Examples(3, 21);
        using var flat = new FlatParameters(backend, model.Weights.ParameterCount, trainable: true, segments: 1);
        var gradients = new WeightGradients(model.Weights.Layout, () => flat.Gradients);
        var batch = Batch(examples);
        var options = new PassOptions { MaxRows = batch.Rows, MaxHeadRows = batch.HeadRows.Length, Backward = true, WeightGradients = gradients };
        using var pass = new TransformerPass(model, options);
        double Loss()
        {
            var losses = new float[batch.HeadRows.Length];
            pass.Forward(batch);
            pass.Losses(losses);
            return losses.Average(l => (double)l);
        }

        Loss();
        pass.Backward();
        var gradient = gradients[tensor].AsSpan<float>().ToArray();
        var parameter = model.Weights.Layout.Find(tensor)!;
        float[] values = model.ReadTensor(tensor);
        double DerivativeAlong(double[] direction)
        {
            const double Step = 4e-3;
            double At(double distance)
            {
                Write(model, parameter, [.. values.Zip(direction, (v, d) => (float)(v + (distance * d)))]);
                return Loss();
            }

            return (At(Step) - At(-Step)) / (2 * Step);
        }

        // Along the gradient itself the derivative is its norm: every element that is there has a share in it.
        double norm = Math.Sqrt(gradient.Sum(g => (double)g * g));
        Assert.That(norm, Is.GreaterThan(1e-3));
        Assert.That(DerivativeAlong([.. gradient.Select(g => g / norm)]), Is.EqualTo(norm).Within(2).Percent);

        // Along random directions, one part of the tensor at a time, an element that is missing would show.
        var draws = new Philox(5);
        int parts = Math.Min(6, values.Length);
        for (int part = 0; part < parts; part++)
        {
            double[] direction = [.. values.Select((_, i) => i * (long)parts / values.Length == part ? draws.NextNormal() / 8 : 0)];
            double expected = direction.Zip(gradient, (d, g) => d * g).Sum();
            double size = Math.Sqrt(direction.Zip(gradient, (d, g) => d * g * d * g).Sum());
            Assert.That(DerivativeAlong(direction), Is.EqualTo(expected).Within((0.05 * size) + 3e-4), $"part {part}");
        }
    }

    [Test]
    public void Training_all_weights_lowers_the_loss_and_changes_every_tensor()
    {
        using var backend = TrainingCases.Backend();
        using var model = TrainingCases.Model(backend);
        using var before = model.Clone();
        var options = new TrainingOptions { Steps = 20, BatchSize = 4, LearningRate = 3e-3 };
        var update = new FullTrainer(model).Train("all", TrainingCases.Examples(4, 3), options, seed: 1);
        Assert.That(update.Losses[^1], Is.LessThan(0.8 * update.Losses[0]));
        foreach (var parameter in model.Weights.Layout.Parameters)
            Assert.That(model.ReadTensor(parameter.Name), Is.Not.EqualTo(before.ReadTensor(parameter.Name)), parameter.Name);
    }

    [Test]
    public void Stored_as_bf16_the_model_is_the_rounded_master()
    {
        using var backend = TrainingCases.Backend();
        using var exact = TrainingCases.Model(backend);
        using var rounded = TrainingCases.Model(backend, DType.BF16);
        var options = new TrainingOptions { Steps = 3, BatchSize = 4, LearningRate = 1e-3 };
        var examples = TrainingCases.Examples(4, 3);
        double first = new FullTrainer(exact).Train("all", examples, options, 1).Losses[0];
        var update = new FullTrainer(rounded).Train("all", examples, options, 1);
        Assert.That(update.Losses[0], Is.EqualTo(first).Within(0.05).And.Not.EqualTo(first));
    }

    private static TokenBatch Batch(TokenizedExample[] examples)
    {
        var batch = new TokenBatch();
        int counted = examples.Sum(e => TokenBatch.CountTargets(e.Labels, e.Starts));
        foreach (var example in examples) batch.AddSequence(example.InputIds, example.Labels, example.Starts, 1f / counted);
        return batch;
    }

    private static void Write(Transformer model, ModelParameter parameter, float[] values)
    {
        var plan = new MemoryPlan("values");
        var slot = plan.Add("values", new Shape(parameter.Rows, Math.Max(parameter.Columns, 1)));
        using var arena = new Arena(model.Backend, plan);
        model.Backend.Upload<float>(values, arena[slot]);
        if (parameter.IsVector) model.Backend.Copy(arena[slot], model.Weights.VectorOf(parameter).Reshape(parameter.Rows, 1));
        else model.Backend.Pack(arena[slot], 0, model.Weights.MatrixOf(parameter));
    }
}
