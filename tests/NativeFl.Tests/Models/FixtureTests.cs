using NativeFl.Federation;
using NativeFl.Finetuning;
using NativeFl.LayerDropping;
using NativeFl.Models;
using NativeFl.Tensors;

namespace NativeFl.Tests.Models;

/// <summary>
/// The model on one backend against an independent float64 implementation, on every folder of tests/fixtures/models. Relative errors are
/// ‖x − ref‖₂ / ‖ref‖₂ per tensor: 1e-4 for arithmetic in f32 through a whole model; 2e-3 after five AdamW steps, which turn the
/// rounding of gradients near zero into signs.
/// </summary>
internal abstract class FixtureTests(string name)
{
    private const double InF32 = 1e-4, AfterAdamW = 2e-3;

    private FixtureCase _case = null!;
    private Backend _backend = null!;
    private Transformer _model = null!;

    /// <summary>The backend under test, with activations in f32.</summary>
    protected abstract Backend Open();

    [OneTimeSetUp]
    public void Load()
    {
        _case = new FixtureCase(name);
        _backend = Open();
        _model = Transformer.Load(_backend, _case.Folder);
    }

    [OneTimeTearDown]
    public void Unload()
    {
        _model.Dispose();
        long left = _backend.AllocatedBytes;
        _backend.Dispose();
        _case.Dispose();
        Assert.That(left, Is.Zero, "bytes that nobody gave back");
    }

    [Test]
    public void Logits_and_loss_of_the_base()
    {
        Assert.Multiple(() =>
        {
            Assert.That(FixtureCase.Distance(Logits(_model), _case.RealRows("base.logits")), Is.LessThan(InF32));
            Assert.That(Loss(_model), Is.EqualTo(_case.Number("base.loss")).Within(InF32 * _case.Number("base.loss")));
        });
    }

    [Test]
    public void Logits_and_loss_through_the_adapter()
    {
        using var stack = new AdapterStack(_model, [_case.Adapter("adapter")], trainable: false);
        Assert.Multiple(() =>
        {
            Assert.That(FixtureCase.Distance(Logits(_model, stack), _case.RealRows("lora.logits")), Is.LessThan(InF32));
            Assert.That(Loss(_model, stack), Is.EqualTo(_case.Number("lora.loss")).Within(InF32 * _case.Number("lora.loss")));
        });
    }

    [Test]
    public void Cosines_of_the_stream_around_every_sublayer_and_block()
    {
        LayerScores scores = new SimilarityScorer(_model).Measure(_case.Examples);
        Assert.Multiple(() =>
        {
            Assert.That(scores.Of(SublayerKind.Attention).Select(s => s.Similarity), Is.EqualTo(_case.List("mean_token_cosine.attention")).Within(InF32));
            Assert.That(scores.Of(SublayerKind.Mlp).Select(s => s.Similarity), Is.EqualTo(_case.List("mean_token_cosine.mlp")).Within(InF32));
            Assert.That(scores.Blocks.Select(b => b.Similarity), Is.EqualTo(_case.List("mean_token_cosine.block")).Within(InF32));
            Assert.That(scores.Tokens, Is.EqualTo(_case.Examples.Sum(e => e.InputIds.Length)));
        });
    }

    [Test]
    public void Losses_without_a_sublayer()
    {
        string[] drops = [.. _case.Numbers.Select(n => n.Key).Where(key => key.StartsWith("drop_", StringComparison.Ordinal))];
        Assert.That(drops, Is.Not.Empty);
        foreach (string key in drops)
        {
            string[] words = key.Split('.')[0].Split('_');
            int layer = int.Parse(words[2], System.Globalization.CultureInfo.InvariantCulture);
            Sublayer attention = new(layer, SublayerKind.Attention), mlp = new(layer, SublayerKind.Mlp);
            using Transformer shallow = _model.Without(new DroppedSublayers(words[1] switch { "attn" => [attention], "mlp" => [mlp], _ => [attention, mlp] }));
            Assert.That(Loss(shallow), Is.EqualTo(_case.Number(key)).Within(InF32 * _case.Number(key)), key);
        }
    }

    [Test]
    public void Greedy_generation_gives_the_same_ids()
    {
        int[] ids = _case.Ids("greedy");
        const int Prompt = 5;
        var options = new GenerationOptions { MaxNewTokens = ids.Length - Prompt, IgnoreEos = true };
        Assert.That(new Generator(_model).Generate([ids[..Prompt]], options)[0], Is.EqualTo(ids[Prompt..]));
    }

    [Test]
    public void Gradients_of_the_mean_loss_through_the_adapter()
    {
        // A step of rate 0 leaves the adapter alone and its gradients in the stack.
        using var stack = new AdapterStack(_model, [_case.Adapter("adapter")], trainable: true);
        TrainingOptions options = Options(steps: 1) with { LearningRate = 0, WeightDecay = 0 };
        var client = new TrainingClient("one", 0, _case.Examples, options);
        using (var run = new TrainingRun(_model, [client], new TrainedValues(stack.Flat, stack.Ranges, stack, Gradients: null, Publish: null), frozen: null))
            run.Step(observer: null);
        Assert.Multiple(() =>
        {
            Assert.That(client.Losses[0], Is.EqualTo(_case.Number("lora.loss")).Within(InF32 * _case.Number("lora.loss")));
            foreach (StackModule module in stack.Modules)
            {
                Assert.That(FixtureCase.Distance(Read(module.GradientA), _case.Tensor($"grad.{module.Id.Name}.lora_A")), Is.LessThan(InF32), $"{module.Id} A");
                Assert.That(FixtureCase.Distance(Transpose(Read(module.GradientB), module.Rank), _case.Tensor($"grad.{module.Id.Name}.lora_B")), Is.LessThan(InF32), $"{module.Id} B");
            }
        });
    }

    [Test]
    public void Five_steps_of_AdamW()
    {
        double[] losses = _case.List("adamw", "losses");
        var task = new ClientTask
        {
            Id = "one",
            Seed = 0,
            Examples = _case.Examples,
            Initial = _case.Adapter("adapter"),
            Options = Options(losses.Length),
        };
        ClientUpdate update = new AdapterTrainer(_model).Train([task])[0];
        using var stack = new AdapterStack(_model, [update.Adapter], trainable: false);
        Assert.Multiple(() =>
        {
            // The loss before step i carries the adapter's error after i steps.
            Assert.That(update.Losses[0], Is.EqualTo(losses[0]).Within(InF32 * losses[0]));
            for (int i = 1; i < losses.Length; i++) Assert.That(update.Losses[i], Is.EqualTo(losses[i]).Within(AfterAdamW * losses[i]), $"step {i}");
            double final = _case.Number("adamw", "final_loss");
            Assert.That(Loss(_model, stack), Is.EqualTo(final).Within(AfterAdamW * final));
            Assert.That(update.Adapter.Modules, Has.Count.EqualTo(ModuleId.ProjectionCount * _case.Config.LayerCount));
            foreach ((ModuleId module, LoraFactors factors) in update.Adapter.Modules)
            {
                Assert.That(FixtureCase.Distance(factors.A, _case.Tensor($"adamw5.{module.Name}.lora_A")), Is.LessThan(AfterAdamW), $"{module} A");
                Assert.That(FixtureCase.Distance(Transpose(factors.B, factors.Rank), _case.Tensor($"adamw5.{module.Name}.lora_B")), Is.LessThan(AfterAdamW), $"{module} B");
            }
        });
    }

    [Test]
    public void Flora_merges_the_clients_exactly()
    {
        using var model = Transformer.Load(_backend, _case.Folder, DType.F32);
        using (var stack = new AdapterStack(model, [Flora()], trainable: false)) stack.MergeInto([1], model);
        double loss = _case.Number("flora", "merged_loss");
        Assert.Multiple(() =>
        {
            Assert.That(FixtureCase.Distance(model.ReadTensor("model.layers.0.self_attn.q_proj.weight"), _case.Tensor("flora.merged.layer0.q_proj")), Is.LessThan(InF32));
            Assert.That(FixtureCase.Distance(model.ReadTensor("model.layers.1.mlp.down_proj.weight"), _case.Tensor("flora.merged.layer1.down_proj")), Is.LessThan(InF32));
            Assert.That(FixtureCase.Distance(Logits(model), _case.RealRows("flora.merged_logits")), Is.LessThan(InF32));
            Assert.That(Loss(model), Is.EqualTo(loss).Within(InF32 * loss));
        });
    }

    [Test]
    public void Flora_beside_the_base_is_the_merged_model()
    {
        using var stack = new AdapterStack(_model, [Flora()], trainable: false);
        using var clients = new AdapterStack(_model, Clients(), trainable: false);
        double[] sizes = _case.List("flora", "client_sizes");
        float[] weights = [.. sizes.Select(size => (float)(size / sizes.Sum()))];
        Assert.Multiple(() =>
        {
            Assert.That(FixtureCase.Distance(Logits(_model, stack), _case.RealRows("flora.merged_logits")), Is.LessThan(InF32));
            Assert.That(FixtureCase.Distance(Logits(_model, clients, weights), _case.RealRows("flora.merged_logits")), Is.LessThan(InF32));
        });
    }

    private AdapterWeights Flora() =>
        new FloraStacking().Aggregate(Contributions.Of(Clients(), _case.List("flora", "client_sizes")), new ServerState()).Product;

    private AdapterWeights[] Clients()
    {
        AdapterWeights[] clients = [_case.Adapter("clients", "0"), _case.Adapter("clients", "1"), _case.Adapter("clients", "2")];
        Assert.That(clients.Select(client => (double)client.Modules.Values.First().Rank), Is.EqualTo(_case.List("flora", "ranks")));
        return clients;
    }

    private TrainingOptions Options(int steps) => new()
    {
        BatchSize = _case.Examples.Count,
        Steps = steps,
        LearningRate = _case.Number("adamw", "lr"),
        WeightDecay = _case.Number("adamw", "weight_decay"),
        GradClip = 0,
        Shuffle = false,
    };

    private float[] Logits(Transformer model, AdapterStack? stack = null, IReadOnlyList<float>? weights = null)
    {
        using var scorer = new TokenScorer(model, stack, weights);
        return [.. _case.Examples.SelectMany(example =>
        {
            var logits = new float[example.InputIds.Length * _case.Config.VocabularySize];
            scorer.Logits(example.InputIds, logits);
            return logits;
        })];
    }

    private double Loss(Transformer model, AdapterStack? stack = null)
    {
        using var scorer = new TokenScorer(model, stack);
        return scorer.Losses(_case.Examples).SelectMany(losses => losses).Average(loss => (double)loss);
    }

    private float[] Read(TensorView view)
    {
        var values = new float[view.Count];
        _backend.Download<float>(view, values);
        return values;
    }

    // The stack keeps B as (r, out), files as (out, r).
    private static float[] Transpose(float[] b, int rank)
    {
        int outFeatures = b.Length / rank;
        return [.. Enumerable.Range(0, b.Length).Select(i => b[(i % rank * outFeatures) + (i / rank)])];
    }
}
