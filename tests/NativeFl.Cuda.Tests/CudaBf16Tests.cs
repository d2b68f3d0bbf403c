using NativeFl.Evaluation;
using NativeFl.Federation;
using NativeFl.Finetuning;
using NativeFl.Models;
using NativeFl.Tensors;
using NativeFl.Tensors.Cpu;
using NativeFl.Tests.Models;

namespace NativeFl.Cuda.Tests;

/// <summary>The models of tests/fixtures with bf16 weights and activations, against the float64 reference in full precision, within <see cref="Bf16Bound"/>.</summary>
/// <remarks>
/// How much a gradient amplifies depends on the model. The yardstick is what rounding its seven weights a block does to it on the CPU, which
/// rounds nothing else, but at least u √(7 L): the walk of 2 · 16 activations a block, forward and backward, is √(32 / 7) times as long, and
/// may be twice that.
/// </remarks>
[TestFixtureSource(typeof(FixtureCase), nameof(FixtureCase.Names))]
internal sealed class CudaBf16Tests(string name) : ISharesBackend
{
    private FixtureCase _case = null!;
    private CudaBackend _backend = null!;
    private Transformer _model = null!;

    CudaBackend? ISharesBackend.Shared => _backend;

    [OneTimeSetUp]
    public void Load()
    {
        if (TestDevice.Options is not { } options) throw new IgnoreException(TestDevice.Description);
        _case = new FixtureCase(name);
        _backend = CudaBackend.Create(options with { ActivationType = DType.BF16 });
        _model = Transformer.Load(_backend, _case.Folder, DType.BF16);
    }

    [OneTimeTearDown]
    public void Unload()
    {
        _model?.Dispose();
        _backend?.Dispose();
        _case?.Dispose();
    }

    [SetUp]
    public void Require() => CommandLineDevice.Require();

    [Test]
    public void Logits_and_loss_of_the_base() => Check(_model, null, [], "base.logits", _case.Number("base.loss"), Bf16Bound.Base);

    [Test]
    public void Logits_and_loss_through_the_adapter()
    {
        using var stack = new AdapterStack(_model, [_case.Adapter("adapter")], trainable: false);
        Check(_model, stack, [1], "lora.logits", _case.Number("lora.loss"), Bf16Bound.Adapted);
    }

    [Test]
    public void Flora_beside_the_base_and_merged_into_it()
    {
        AdapterWeights[] clients = [_case.Adapter("clients", "0"), _case.Adapter("clients", "1"), _case.Adapter("clients", "2")];
        double[] sizes = _case.List("flora", "client_sizes");
        using var stack = new AdapterStack(_model, clients, trainable: false);
        Check(_model, stack, [.. sizes.Select(size => (float)(size / sizes.Sum()))], "flora.merged_logits", _case.Number("flora", "merged_loss"), Bf16Bound.Adapted);

        using Transformer merged = Transformer.Load(_backend, _case.Folder, DType.BF16);
        AdapterWeights product = new FloraStacking().Aggregate(Contributions.Of(clients, sizes), new ServerState()).Product;
        using (var flora = new AdapterStack(merged, [product], trainable: false)) flora.MergeInto([1], merged);
        Check(merged, null, [], "flora.merged_logits", _case.Number("flora", "merged_loss"), Bf16Bound.Adapted);
        CheckWeight(merged, "model.layers.0.self_attn.q_proj.weight", "flora.merged.layer0.q_proj");
        CheckWeight(merged, "model.layers.1.mlp.down_proj.weight", "flora.merged.layer1.down_proj");
    }

    /// <summary>
    /// Of logits that err by a standard deviation e each, half of the bound, two may change places that lie less than 5 √2 e apart: five
    /// standard deviations of a difference, since the greatest of V logits is taken 16 times on every model.
    /// </summary>
    [Test]
    public void Greedy_ids_are_the_references_but_where_logits_are_as_close_as_their_errors()
    {
        const int Prompt = 5;
        int[] ids = _case.Ids("greedy");
        var options = new GenerationOptions { MaxNewTokens = ids.Length - Prompt, IgnoreEos = true };
        int[] got = new Generator(_model).Generate([ids[..Prompt]], options)[0];
        using var cpu = new CpuBackend(new CpuBackendOptions { Threads = 1 });
        using Transformer exact = Transformer.Load(cpu, _case.Folder, DType.F32);
        float[][] reference = NextLogits(exact, ids[..^1], Prompt), logits = NextLogits(exact, [.. ids[..Prompt], .. got[..^1]], Prompt);
        Assert.That(reference.Select(row => Array.IndexOf(row, row.Max())), Is.EqualTo(ids[Prompt..]), "the logits are those of the reference");
        Assert.Multiple(() =>
        {
            for (int i = 0; i < got.Length; i++)
            {
                double error = Bf16Bound.Of(_case.Config.LayerCount, Bf16Bound.Base) / 2 * Math.Sqrt(logits[i].Average(x => (double)x * x));
                Assert.That(logits[i].Max() - logits[i][got[i]], Is.LessThanOrEqualTo(5 * Math.Sqrt(2) * error), $"token {i}");
            }
        });
    }

    [Test]
    public void Gradients_through_the_adapter()
    {
        (double loss, float[] got, _) = Gradients(_model);
        using var cpu = new CpuBackend(new CpuBackendOptions { Threads = 1 });
        using Transformer rounded = Transformer.Load(cpu, _case.Folder, DType.BF16);
        (double expectedLoss, float[] expected, _) = Gradients(rounded);
        Assert.Multiple(() =>
        {
            Assert.That(loss, Is.EqualTo(expectedLoss).Within(Bf16Bound.Of(_case.Config.LayerCount, Bf16Bound.Base) * expectedLoss));
            Assert.That(FixtureCase.Distance(got, expected), Is.LessThan(GradientErrors().Whole));
        });
    }

    /// <summary>
    /// A step of AdamW moves each number of an adapter by the learning rate η, as the sign of its gradient says, and one whose sign is wrong
    /// ends up 2 η off. Where g and its error are even in direction and of the size ratio ε, the sign is wrong with probability
    /// arctan(ε) / π. The batch is the same every time, so what is wrong once is wrong T times: ‖error‖² = Σ over factors of n (2 η T)² arctan(ε) / π.
    /// A number with a wrong sign has next to no gradient, so the losses are as good as before.
    /// </summary>
    [Test]
    public void Five_steps_of_AdamW()
    {
        double[] losses = _case.List("adamw", "losses");
        double rate = _case.Number("adamw", "lr"), bound = Bf16Bound.Of(_case.Config.LayerCount, Bf16Bound.Adapted), final = _case.Number("adamw", "final_loss");
        ClientTask task = new()
        {
            Id = "one",
            Seed = 0,
            Examples = _case.Examples,
            Initial = _case.Adapter("adapter"),
            Options = Options(losses.Length, rate) with { WeightDecay = _case.Number("adamw", "weight_decay") },
        };
        ClientUpdate update = new AdapterTrainer(_model).Train([task])[0];
        using var stack = new AdapterStack(_model, [update.Adapter], trainable: false);
        using var scorer = new TokenScorer(_model, stack);
        (float[] got, float[] expected, float[] start) = (Values(update.Adapter), Values("adamw5."), Values(task.Initial));
        (int Count, double Error)[] factors = GradientErrors().Factors;
        Assert.That(factors.Sum(factor => factor.Count), Is.EqualTo(got.Length));
        double wrong = factors.Sum(factor => factor.Count * Math.Atan(factor.Error) / Math.PI), moved = rate * losses.Length;
        Assert.Multiple(() =>
        {
            for (int i = 0; i < losses.Length; i++) Assert.That(update.Losses[i], Is.EqualTo(losses[i]).Within(bound * losses[i]), $"step {i}");
            Assert.That(Perplexity.Measure(scorer, _case.Examples).Loss, Is.EqualTo(final).Within(bound * final));
            Assert.That(Norm(got, expected), Is.LessThan(2 * moved * Math.Sqrt(wrong)));
            Assert.That(2 * moved * Math.Sqrt(wrong), Is.LessThan(Norm(start, expected)), "a bound that tells training from none");
        });
    }

    private void Check(Transformer model, AdapterStack? stack, float[] weights, string logits, double loss, int roundings)
    {
        using var scorer = new TokenScorer(model, stack, stack is null ? null : weights);
        float[] got = [.. _case.Examples.SelectMany(example =>
        {
            var values = new float[example.InputIds.Length * _case.Config.VocabularySize];
            scorer.Logits(example.InputIds, values);
            return values;
        })];
        double bound = Bf16Bound.Of(_case.Config.LayerCount, roundings), measured = Perplexity.Measure(scorer, _case.Examples).Loss;
        Assert.Multiple(() =>
        {
            Assert.That(FixtureCase.Distance(got, _case.RealRows(logits)), Is.LessThan(bound));
            Assert.That(measured, Is.EqualTo(loss).Within(bound * loss));
        });
    }

    // Rounded when it is loaded and when the product has been added: u of either, and twice that.
    private void CheckWeight(Transformer merged, string weight, string expected)
    {
        float[] before = _model.ReadTensor(weight), after = _case.Tensor(expected);
        double ratio = Norm(before, new float[before.Length]) / Norm(after, new float[after.Length]);
        Assert.That(FixtureCase.Distance(merged.ReadTensor(weight), after), Is.LessThan(2 * Bf16Bound.Roundoff * Math.Sqrt(1 + (ratio * ratio))), weight);
    }

    /// <summary>The logits of the tokens that follow the first <paramref name="prompt"/>.</summary>
    private float[][] NextLogits(Transformer model, int[] ids, int prompt)
    {
        using var scorer = new TokenScorer(model);
        var values = new float[ids.Length * _case.Config.VocabularySize];
        scorer.Logits(ids, values);
        return [.. values.Chunk(_case.Config.VocabularySize).Skip(prompt - 1)];
    }

    /// <summary>
    /// What the gradients may be off by, relative to their norms: of all factors together from those of the same weights, and of each factor, A and B of
    /// every module, from those of the weights in full.
    /// </summary>
    private (double Whole, (int Count, double Error)[] Factors) GradientErrors()
    {
        using var cpu = new CpuBackend(new CpuBackendOptions { Threads = 1 });
        using Transformer exact = Transformer.Load(cpu, _case.Folder, DType.F32), rounded = Transformer.Load(cpu, _case.Folder, DType.BF16);
        (_, float[] expected, int[] ends) = Gradients(exact);
        (_, float[] got, _) = Gradients(rounded);
        double Error(Range range, int roundings) => 2 * Math.Sqrt(roundings / 7.0)
            * Math.Max(FixtureCase.Distance(got[range], expected[range]), Bf16Bound.Roundoff * Math.Sqrt(7 * _case.Config.LayerCount));
        return (Error(.., 32), [.. ends.Zip(ends.Skip(1), (start, end) => (end - start, Error(start..end, 32 + 7)))]);
    }

    /// <summary>The mean loss and its gradients, factor after factor, with where each begins and the last one ends.</summary>
    private (double Loss, float[] Gradients, int[] Ends) Gradients(Transformer model)
    {
        using var stack = new AdapterStack(model, [_case.Adapter("adapter")], trainable: true);
        var client = new TrainingClient("one", 0, _case.Examples, Options(steps: 1, rate: 0));
        using (var run = new TrainingRun(model, [client], new TrainedValues(stack.Flat, stack.Ranges, stack, Gradients: null, Publish: null), frozen: null))
            run.Step(observer: null);
        var gradients = new float[stack.Flat.Gradients.Count];
        model.Backend.Download<float>(stack.Flat.Gradients, gradients);
        return (client.Losses[0], gradients, [.. stack.Modules.SelectMany(module => new[] { (int)module.OffsetA, (int)module.OffsetB }), gradients.Length]);
    }

    private TrainingOptions Options(int steps, double rate) =>
        new() { BatchSize = _case.Examples.Count, Steps = steps, LearningRate = rate, GradClip = 0, Shuffle = false };

    private static float[] Values(AdapterWeights adapter) =>
        [.. adapter.Modules.OrderBy(module => module.Key.Index).SelectMany(module => module.Value.A.Concat(module.Value.B))];

    private float[] Values(string prefix) => Values(new AdapterWeights(_case.Adapter("adapter").Modules.ToDictionary(
        module => module.Key,
        module => module.Value with
        {
            A = _case.Tensor($"{prefix}{module.Key.Name}.lora_A"),
            B = RankFirst(_case.Tensor($"{prefix}{module.Key.Name}.lora_B"), module.Value.Rank),
        })));

    // Files keep B as (out, r), the stack as (r, out).
    private static float[] RankFirst(float[] b, int rank)
    {
        int outFeatures = b.Length / rank;
        return [.. Enumerable.Range(0, b.Length).Select(i => b[(i % outFeatures * rank) + (i / outFeatures)])];
    }

    private static double Norm(float[] x, float[] y) => Math.Sqrt(x.Zip(y, (a, b) => ((double)a - b) * ((double)a - b)).Sum());
}
