using System.Text.Json.Nodes;
using NativeFl.Tests.Cli;
using NativeFl.Tests.Models;

namespace NativeFl.Cuda.Tests;

/// <summary>The command line on CUDA with the type that it takes by itself, bf16: against the float64 reference, within <see cref="Bf16Bound"/>.</summary>
internal sealed class CudaDefaultTypeTests
{
    private FixtureCase _case = null!;
    private TemporaryFolder _folder = null!;

    [SetUp]
    public void Open()
    {
        CommandLineDevice.Require();
        (_case, _folder) = (new FixtureCase("llama"), new TemporaryFolder());
    }

    [TearDown]
    public void Close()
    {
        _folder?.Dispose();
        _case?.Dispose();
    }

    [Test]
    public void An_adapter_is_trained_measured_merged_and_measured_again()
    {
        string data = VerbInput.Records(_case, _folder), adapter = _folder.At("adapter"), merged = _folder.At("merged");
        JsonObject trained = Run(
            "train", "--model", _case.Folder, "--init-adapter", Path.Combine(_case.Folder, "adapter"), "--data", data, "--no-shuffle", "--batch-size", "3",
            "--steps", "5", "--lr", "3e-3", "--weight-decay", "0.01", "--grad-clip", "0", "--out", adapter);
        JsonObject beside = Run("eval", "--model", _case.Folder, "--adapter", adapter, "--data", data);
        JsonObject rounding = Run("merge", "--model", _case.Folder, "--adapter", adapter, "--out", merged);
        JsonObject inside = Run("eval", "--model", merged, "--data", data);
        double[] losses = [.. trained["losses"]!.AsArray().Select(loss => (double)loss!)], expected = _case.List("adamw", "losses");
        double bound = Bf16Bound.Of(_case.Config.LayerCount, Bf16Bound.Adapted), final = _case.Number("adamw", "final_loss");
        Assert.Multiple(() =>
        {
            Assert.That(losses.Zip(expected, (x, y) => Math.Abs(x - y) / y), Has.Exactly(5).Items.And.All.LessThan(bound));
            Assert.That((double)beside["loss"]!, Is.EqualTo(final).Within(bound * final));
            Assert.That((double)inside["loss"]!, Is.EqualTo(final).Within(bound * final));
            Assert.That((double)rounding["rounding"]!, Is.LessThan(1e-5), "summed in f32, and kept as the base is stored");
        });
    }

    /// <summary>FLoRA keeps its base in f32 and FlexLoRA in bf16; the activations are bf16 with either.</summary>
    [TestCase("flora")]
    [TestCase("flexlora")]
    public void A_federation_leaves_the_model_that_it_measured(string method)
    {
        string data = VerbInput.Records(_case, _folder);
        JsonObject result = Run(
            "federate", "--model", _case.Folder, "--data", data, "--method", method, "--ranks", "3,2", "--partition", "sizes:2,1", "--rounds", "2",
            "--local-epochs", "2", "--batch-size", "2", "--lr", "1e-2", "--eval-data", data, "--out", _folder.At("fed"));
        double[] losses = [(double)result["initial_eval"]!["loss"]!, .. result["rounds"]!.AsArray().Select(round => (double)round!["eval"]!["loss"]!)];
        JsonObject eval = Run("eval", "--model", _folder.At("fed", "model"), "--data", data);
        double bound = Bf16Bound.Of(_case.Config.LayerCount, Bf16Bound.Adapted), before = _case.Number("base.loss");
        Assert.Multiple(() =>
        {
            Assert.That(losses[0], Is.EqualTo(before).Within(bound * before));
            Assert.That(losses, Has.Length.EqualTo(3).And.Ordered.Descending);
            Assert.That((double)eval["loss"]!, Is.EqualTo(losses[^1]).Within(bound * losses[^1]));
        });
    }

    [Test]
    public void Weights_are_trained_in_full_from_a_checkpoint_and_from_random_ones([Values] bool isRandom)
    {
        string data = VerbInput.Records(_case, _folder);
        string[] source = isRandom ? ["--config", Path.Combine(_case.Folder, "config.json")] : ["--model", _case.Folder];
        JsonObject result = Run(["pretrain", .. source, "--data", data, "--batch-size", "3", "--steps", "3", "--lr", "3e-3", "--out", _folder.At("model")]);
        JsonObject eval = Run("eval", "--model", _folder.At("model"), "--data", data);
        double[] losses = [.. result["losses"]!.AsArray().Select(loss => (double)loss!)];
        double bound = Bf16Bound.Of(_case.Config.LayerCount, Bf16Bound.Base), before = _case.Number("base.loss");
        Assert.Multiple(() =>
        {
            Assert.That(losses, Has.Length.EqualTo(3).And.Ordered.Descending);
            if (!isRandom) Assert.That(losses[0], Is.EqualTo(before).Within(bound * before));
            Assert.That((double)eval["loss"]!, Is.LessThan(losses[^1]));
        });
    }

    [Test]
    public void It_is_bf16()
    {
        string[] line = ["eval", "--model", _case.Folder, "--data", VerbInput.Records(_case, _folder)];
        double Loss(string dtype) => (double)CliRun.Json([.. line, .. CommandLineDevice.Flags(dtype)])["loss"]!;
        Assert.That(Loss(""), Is.EqualTo(Loss("bf16")).And.Not.EqualTo(Loss("f32")));
    }

    [TestCase(64)]
    [TestCase(128)]
    public void A_model_is_trained_and_measured_with_wgmma_as_on_the_CPU(int headWidth)
    {
        if (!TestDevice.HasWgmma) Assert.Ignore($"{TestDevice.Description} has no wgmma, or not by this compiler");
        const int layers = 2;
        JsonObject config = JsonNode.Parse(File.ReadAllText(Path.Combine(_case.Folder, "config.json")))!.AsObject();
        (config["head_dim"], config["num_hidden_layers"], config["num_attention_heads"]) = (headWidth, layers, 4);
        string data = VerbInput.Records(_case, _folder), model = _folder.At("model");
        CliRun.Json(
            "pretrain", "--config", _folder.Write("config.json", config.ToJsonString()), "--data", data, "--batch-size", "3", "--steps", "20", "--lr", "1e-2",
            "--device", "cpu", "--out", model);

        string[] eval = ["eval", "--model", model, "--data", data];
        string[] Train(string name) => ["train", "--model", model, "--data", data, "--batch-size", "3", "--steps", "6", "--lr", "3e-3", "--out", _folder.At(name)];
        double measured = (double)CliRun.Json([.. eval, "--device", "cpu"])["loss"]!;
        double trained = (double)CliRun.Json([.. Train("cpu"), "--device", "cpu"])["losses"]!.AsArray()[^1]!;
        Assert.Multiple(() =>
        {
            Assert.That(trained, Is.LessThan(measured), "there is something to learn");
            Assert.That((double)Run([.. eval, "--attention", "wgmma"])["loss"]!, Is.EqualTo(measured).Within(Bf16Bound.Of(layers, Bf16Bound.Base) * measured));
            Assert.That(
                (double)Run([.. Train("wgmma"), "--attention", "wgmma"])["losses"]!.AsArray()[^1]!,
                Is.EqualTo(trained).Within(Bf16Bound.Of(layers, Bf16Bound.Adapted) * trained));
        });
    }

    private static JsonObject Run(params IReadOnlyList<string> args) => CliRun.Json([.. args, .. CommandLineDevice.Flags()]);
}
