using System.Text.Json.Nodes;
using NativeFl.Tests.Cli;

namespace NativeFl.Cuda.Tests;

/// <summary>Clients of unequal depth on the device: each is to the bit what train makes of its model alone, and a budget is planned there.</summary>
internal sealed class CudaFederationDepthTests
{
    [SetUp]
    public void Require() => CommandLineDevice.Require();

    [Test]
    public void A_shallow_client_is_to_the_bit_what_train_makes_of_it_alone()
    {
        using var folder = new TemporaryFolder();
        string model = CliRun.Fixture("models", "llama");
        string data = folder.Write("data.jsonl", string.Join('\n', Enumerable.Range(0, 4).Select(i => $"{{\"id\":\"r{i}\",\"input_ids\":[{i + 3},{i + 4},{i * 7},9]}}")));
        string drops = folder.Write("drops.json", """{"1": {"drop_attn_list": [2], "drop_mlp_list": [0, 1]}}""");
        string[] common = ["--model", model, "--data", data, "--batch-size", "2", "--lr", "1e-2", .. CommandLineDevice.Flags("f32")];
        JsonObject result = CliRun.Json([
            "federate", .. common, "--client-drops", drops, "--ranks", "2,4", "--rounds", "1", "--out", folder.At("fed")]);
        Assert.That((double)result["rounds"]![0]!["exactness"]!, Is.LessThan(1e-6));
        foreach (string client in new[] { "0", "1" })
        {
            CliRun.Json(["train", .. common, "--partition", folder.At("fed", "partition.json"), "--client", client, "--out", folder.At(client)]);
            byte[] byHand = File.ReadAllBytes(folder.At(client, "adapter_model.safetensors"));
            Assert.That(File.ReadAllBytes(folder.At("fed", "round-01", "client-0" + client, "adapter_model.safetensors")), Is.EqualTo(byHand));
        }
    }

    [Test]
    public void A_budget_is_planned_from_the_tables_of_the_device()
    {
        using var folder = new TemporaryFolder();
        string data = folder.Write("data.jsonl", "{\"id\":\"a\",\"input_ids\":[3,4,5,6]}\n{\"id\":\"b\",\"input_ids\":[7,8,9,6]}");
        string[] line = [
            "federate", "--model", CliRun.Fixture("models", "llama"), "--data", data, "--clients", "2", "--rank", "8", "--rounds", "1",
            .. CommandLineDevice.Flags("f32")];
        JsonNode client = CliRun.Json([.. line, "--memory-budget", "1GiB", "--out", folder.At("all")])["clients"]![0]!;
        string less = $"{(long)client["planned_bytes"]! - 1}";
        JsonNode planned = CliRun.Json([.. line, "--memory-budget", less, "--out", folder.At("less")])["clients"]![0]!;
        Assert.That(((int)client["rank"]!, (int)planned["rank"]!), Is.EqualTo((8, 4)));
        Assert.That((int)planned["sublayers"]!, Is.EqualTo(6));
    }
}
