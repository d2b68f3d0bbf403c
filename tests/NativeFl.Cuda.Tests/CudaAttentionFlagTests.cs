using System.Text.Json.Nodes;
using NativeFl.Tests.Cli;
using NativeFl.Tests.Models;

namespace NativeFl.Cuda.Tests;

/// <summary>The flag --attention: wgmma trains and measures as mma and the CPU do, and is refused where it cannot be had.</summary>
internal sealed class CudaAttentionFlagTests
{
    private const int Layers = 2;

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

    [TestCase(64)]
    [TestCase(128)]
    public void A_model_is_trained_and_measured_with_wgmma_as_on_the_CPU(int headWidth)
    {
        using (CudaBackend backend = TestDevice.Open(options => options with { UseWgmma = true }))
        {
            if (!backend.UsesWgmma) Assert.Ignore($"{backend.DeviceName} has no wgmma, or not by this compiler");
        }

        JsonObject config = JsonNode.Parse(File.ReadAllText(Path.Combine(_case.Folder, "config.json")))!.AsObject();
        (config["head_dim"], config["num_hidden_layers"], config["num_attention_heads"]) = (headWidth, Layers, 4);
        string data = VerbInput.Records(_case, _folder), model = _folder.At("model");
        string[] cuda = CommandLineDevice.Flags();
        CliRun.Json(
            "pretrain", "--config", _folder.Write("config.json", config.ToJsonString()), "--data", data, "--batch-size", "3", "--steps", "20", "--lr", "1e-2",
            "--device", "cpu", "--out", model);

        double Measured(params string[] device) => (double)CliRun.Json(["eval", "--model", model, "--data", data, .. device])["loss"]!;
        double Trained(string name, params string[] device) => (double)CliRun.Json(
            ["train", "--model", model, "--data", data, "--batch-size", "3", "--steps", "6", "--lr", "3e-3", "--out", _folder.At(name), .. device])["losses"]!.AsArray()[^1]!;
        double measured = Measured("--device", "cpu"), trained = Trained("cpu", "--device", "cpu");
        double wgmma = Measured([.. cuda, "--attention", "wgmma"]), wgmmaTrained = Trained("wgmma", [.. cuda, "--attention", "wgmma"]);
        Assert.Multiple(() =>
        {
            Assert.That(trained, Is.LessThan(measured), "there is something to learn");
            Assert.That(wgmma, Is.EqualTo(measured).Within(Bf16Bound.Of(Layers, Bf16Bound.Base) * measured));
            Assert.That(wgmmaTrained, Is.EqualTo(trained).Within(Bf16Bound.Of(Layers, Bf16Bound.Adapted) * trained));
        });
    }

    [Test]
    public void Where_wgmma_cannot_be_had_it_is_refused()
    {
        if (!TestDevice.IsEmulator) Assert.Ignore("the emulator can be another device");
        using var emulator = new Emulator();
        emulator.SetCapability(8, 9);
        CliRun.Fails(
            1, ["--attention wgmma: expected compute capability 9.0", "sm_89"],
            ["eval", "--model", _case.Folder, "--data", VerbInput.Records(_case, _folder), .. CommandLineDevice.Flags(), "--attention", "wgmma"]);
    }
}
