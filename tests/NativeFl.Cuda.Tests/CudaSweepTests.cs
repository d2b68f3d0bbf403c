using System.Text.Json.Nodes;
using NativeFl.Tests.Cli;
using NativeFl.Tests.Models;

namespace NativeFl.Cuda.Tests;

/// <summary>eval --sweep on the device: the losses are those of the CPU, and the cache holds bf16 or f32 keys of the layers that are left.</summary>
internal sealed class CudaSweepTests
{
    [SetUp]
    public void Require() => CommandLineDevice.Require();

    [Test]
    public void Losses_are_those_of_the_CPU_and_the_cache_shrinks_with_the_layers()
    {
        using var fixture = new FixtureCase("qwen3");
        using var folder = new TemporaryFolder();
        string data = VerbInput.Records(fixture, folder);
        string[] line =
        [
            "eval", "--model", fixture.Folder, "--data", data, "--sweep", "all", "--granularity", "joint", "--calibration", data,
            "--decode-batch", "2", "--decode-prompt", "4", "--decode-tokens", "3", "--decode-rounds", "1",
        ];
        JsonArray expected = Rows(CliRun.Json([.. line, "--device", "cpu", "--dtype", "f32"]));
        JsonArray full = Rows(CliRun.Json([.. line, .. CommandLineDevice.Flags("f32")]));
        Assert.That(full, Has.Count.EqualTo(expected.Count).And.Count.EqualTo(4));
        for (int i = 0; i < full.Count; i++)
        {
            double loss = (double)expected[i]!["loss"]!;
            Assert.That((double)full[i]!["loss"]!, Is.EqualTo(loss).Within(1e-4 * loss), $"{i} dropped");
            Assert.That(full[i]!["drop_attn_list"]!.ToJsonString(), Is.EqualTo(expected[i]!["drop_attn_list"]!.ToJsonString()));
            int kept = full[i]!["drop_attn_list"]!.AsArray().Count(drop => !(bool)drop!);
            long values = 2L * kept * 2 * (4 + 3) * fixture.Config.KvHeads * fixture.Config.HeadWidth;
            Assert.That((long)full[i]!["decode"]![0]!["kv_cache_bytes"]!, Is.EqualTo(values * sizeof(float)));
        }
    }

    private static JsonArray Rows(JsonObject result) => result["sweep"]!.AsArray();
}
