using System.Text.Json.Nodes;
using NativeFl.Tests.Cli;

namespace NativeFl.Cuda.Tests;

/// <summary>The whole story on the device, against the same on the CPU: data, pretraining, nine federations, generated answers, files.</summary>
internal sealed class CudaQuickstartTests
{
    // Two runs that differ in the order of additions, after some hundred steps of AdamW: signs of gradients near zero differ.
    private const double Rounding = 2e-3;

    [SetUp]
    public void Require() => CommandLineDevice.Require();

    [Test]
    public void A_small_quickstart_tells_the_story_of_the_CPU()
    {
        using var folder = new TemporaryFolder();
        string[] line = ["quickstart", "--size", "small", "--seed", "3", "--out"];
        JsonObject expected = CliRun.Json([.. line, folder.At("cpu"), "--device", "cpu"]);
        JsonObject got = CliRun.Json([.. line, folder.At("cuda"), .. CommandLineDevice.Flags("f32")]);
        Assert.Multiple(() =>
        {
            foreach ((JsonNode? ours, JsonNode? theirs) in got["runs"]!.AsArray().Zip(expected["runs"]!.AsArray()))
            {
                string name = (string)theirs!["name"]!;
                Assert.That((string)ours!["name"]!, Is.EqualTo(name));
                double loss = (double)theirs["final"]!["loss"]!;
                Assert.That((double)ours["final"]!["loss"]!, Is.EqualTo(loss).Within(Rounding * loss), name);
                if (name.StartsWith("flora", StringComparison.Ordinal)) Assert.That((double)ours["exactness"]![0]!, Is.LessThan(1e-6), name);
            }
        });
        Assert.That(File.Exists(Path.Combine(folder.At("cuda"), "report.html")));
    }
}
