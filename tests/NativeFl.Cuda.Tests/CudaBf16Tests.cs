using NativeFl.Evaluation;
using NativeFl.Finetuning;
using NativeFl.Models;
using NativeFl.Tensors;
using NativeFl.Tensors.Cpu;
using NativeFl.Tests.Models;

namespace NativeFl.Cuda.Tests;

/// <summary>
/// The models of tests/fixtures with bf16 weights and activations, against the float64 reference in full precision. A rounding to bf16 errs by
/// at most u = 2⁻⁹ of the value; a block rounds its stream about 16 times one after another (norms, projections, rotation, probabilities,
/// SwiGLU, sums; weights beside), and roundings of L blocks add up like a random walk: 2 u √(16 L), with 2 for what a block amplifies.
/// </summary>
/// <remarks>
/// How much a gradient amplifies depends on the model. The yardstick is what rounding its seven weights a block does to it on the CPU, which
/// rounds nothing else, but at least u √(7 L): the walk of 2 · 16 activations a block, forward and backward, is √(32 / 7) times as long, and
/// may be twice that.
/// </remarks>
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
        using var cpu = new CpuBackend(new CpuBackendOptions { Threads = 1 });
        using Transformer exact = Transformer.Load(cpu, _case.Folder, DType.F32), rounded = Transformer.Load(cpu, _case.Folder, DType.BF16);
        (double loss, float[] got) = Gradients(_model);
        (double expectedLoss, float[] expected) = Gradients(rounded);
        double fromWeights = Math.Max(FixtureCase.Distance(expected, Gradients(exact).Gradients), Math.Pow(2, -9) * Math.Sqrt(7 * _case.Config.LayerCount));
        Assert.Multiple(() =>
        {
            Assert.That(loss, Is.EqualTo(expectedLoss).Within(Bound * expectedLoss));
            Assert.That(FixtureCase.Distance(got, expected), Is.LessThan(2 * Math.Sqrt(32.0 / 7) * fromWeights));
        });
    }

    private (double Loss, float[] Gradients) Gradients(Transformer model)
    {
        using var stack = new AdapterStack(model, [_case.Adapter("adapter")], trainable: true);
        var options = new TrainingOptions { BatchSize = _case.Examples.Count, Steps = 1, LearningRate = 0, GradClip = 0, Shuffle = false };
        var client = new TrainingClient("one", 0, _case.Examples, options);
        using (var run = new TrainingRun(model, [client], new TrainedValues(stack.Flat, stack.Ranges, stack, Gradients: null, Publish: null), frozen: null))
            run.Step(observer: null);
        var gradients = new float[stack.Flat.Gradients.Count];
        model.Backend.Download<float>(stack.Flat.Gradients, gradients);
        return (client.Losses[0], gradients);
    }
}
