using NativeFl.Evaluation;
using NativeFl.Finetuning;
using NativeFl.Models;
using NativeFl.Tensors;
using NativeFl.Tests.Models;

namespace NativeFl.Cuda.Tests;

/// <summary>
/// The models of tests/fixtures with bf16 weights and activations, against the float64 reference in full precision. A rounding to bf16 errs by
/// at most u = 2⁻⁹ of the value; a block rounds its stream about 16 times one after another (norms, projections, rotation, probabilities,
/// SwiGLU, sums; weights beside), and roundings of L blocks add up like a random walk: 2 u √(16 L), with 2 for what a block amplifies.
/// Gradients run through all of it twice.
/// </summary>
[TestFixtureSource(typeof(FixtureCase), nameof(FixtureCase.Names))]
internal sealed class CudaBf16Tests(string name)
{
    private FixtureCase _case = null!;
    private CudaBackend _backend = null!;
    private Transformer _model = null!;

    private double Bound => 2 * Math.Pow(2, -9) * Math.Sqrt(16 * _case.Config.LayerCount);

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
    public void Logits_and_loss()
    {
        using var scorer = new TokenScorer(_model);
        float[] logits = [.. _case.Examples.SelectMany(example =>
        {
            var values = new float[example.InputIds.Length * _case.Config.VocabularySize];
            scorer.Logits(example.InputIds, values);
            return values;
        })];
        double loss = Perplexity.Measure(scorer, _case.Examples).Loss;
        Assert.Multiple(() =>
        {
            Assert.That(FixtureCase.Distance(logits, _case.RealRows("base.logits")), Is.LessThan(Bound));
            Assert.That(loss, Is.EqualTo(_case.Number("base.loss")).Within(Bound * _case.Number("base.loss")));
        });
    }

    [Test]
    public void Gradients_through_the_adapter()
    {
        using var stack = new AdapterStack(_model, [_case.Adapter("adapter")], trainable: true);
        var options = new TrainingOptions { BatchSize = _case.Examples.Count, Steps = 1, LearningRate = 0, GradClip = 0, Shuffle = false };
        var client = new TrainingClient("one", 0, _case.Examples, options);
        using (var run = new TrainingRun(_model, [client], new TrainedValues(stack.Flat, stack.Ranges, stack, Gradients: null, Publish: null), frozen: null))
            run.Step(observer: null);
        double error = 0, norm = 0;
        foreach (StackModule module in stack.Modules)
        {
            var got = new float[module.GradientA.Count];
            _backend.Download<float>(module.GradientA, got);
            float[] expected = _case.Tensor($"grad.{module.Id.Name}.lora_A");
            error += got.Zip(expected).Sum(p => Math.Pow((double)p.First - p.Second, 2));
            norm += expected.Sum(x => (double)x * x);
        }

        Assert.Multiple(() =>
        {
            Assert.That(client.Losses[0], Is.EqualTo(_case.Number("lora.loss")).Within(Bound * _case.Number("lora.loss")));
            Assert.That(Math.Sqrt(error / norm), Is.LessThan(2 * Bound));
        });
    }
}
