using System.Text.Json.Nodes;
using NativeFl.Federation;
using NativeFl.Finetuning;
using NativeFl.Models;
using NativeFl.Tensors;

namespace NativeFl.Tests.Federation;

/// <summary>The aggregated model, merged and un-merged, against logits of an independent float64 program.</summary>
public sealed class FloraModelTests
{
    [Test]
    public void Merged_and_beside_the_base_the_stack_gives_the_logits_of_the_reference(
        [Values("llama", "llama3-rope", "qwen2", "llama-odd-sizes", "qwen3")] string name)
    {
        string folder = Fixtures.Path("models", name);
        using var backend = FederationCases.Backend();
        using var model = Transformer.Load(backend, folder, DType.F32);
        using var expected = SafetensorsFile.Open(Path.Combine(folder, "expected.safetensors"));
        double[] sizes =
        [
            .. JsonNode.Parse(File.ReadAllText(Path.Combine(folder, "expected.json")))!["flora"]!["client_sizes"]!.AsArray()
                .Select(n => n!.GetValue<double>()),
        ];
        AdapterWeights[] clients =
            [.. sizes.Select((_, k) => AdapterFolder.Load(Path.Combine(folder, "clients", $"{k}"), model.Config).Weights)];
        var aggregation = new AdapterAggregation(new FloraStacking(), clients, sizes);
        double unmerged = Distance(new ServerModel(model, [aggregation.Product]), expected);
        double rounding = aggregation.MergeInto(model, DType.F32);
        Assert.Multiple(() =>
        {
            Assert.That(unmerged, Is.LessThan(1e-4));
            Assert.That(Distance(new ServerModel(model, []), expected), Is.LessThan(1e-4));
            Assert.That(aggregation.Exactness(backend), Is.LessThan(1e-6));
            Assert.That(rounding, Is.LessThan(1e-4));
        });
    }

    /// <summary>‖logits − reference‖ / ‖reference‖ over the positions that are not padding.</summary>
    private static double Distance(ServerModel server, SafetensorsFile expected)
    {
        long[] shape = expected.Entries["flora.merged_logits"].Shape;
        (int batch, int length, int vocabulary) = ((int)shape[0], (int)shape[1], (int)shape[2]);
        var ids = new long[batch * length];
        var mask = new long[batch * length];
        expected.ReadInt64("input_ids", ids);
        expected.ReadInt64("attention_mask", mask);
        using AdapterStack? stack = server.OpenStack();
        using var scorer = new TokenScorer(server.Base, stack, server.Weights);
        double error = 0, norm = 0;
        for (int row = 0; row < batch; row++)
        {
            int tokens = (int)mask.AsSpan(row * length, length).ToArray().Sum();
            int[] sequence = [.. ids.Skip(row * length).Take(tokens).Select(id => (int)id)];
            var logits = new float[tokens * vocabulary];
            var reference = new float[logits.Length];
            scorer.Logits(sequence, logits);
            expected.Read("flora.merged_logits", (long)row * length * vocabulary, reference);
            for (int i = 0; i < logits.Length; i++)
            {
                error += ((double)logits[i] - reference[i]) * ((double)logits[i] - reference[i]);
                norm += (double)reference[i] * reference[i];
            }
        }

        return Math.Sqrt(error / norm);
    }
}
