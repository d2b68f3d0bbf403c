using System.Text.Json.Nodes;
using NativeFl.Data;
using NativeFl.Finetuning;
using NativeFl.Models;
using NativeFl.Tensors;

namespace NativeFl.Benchmarks.Training;

/// <summary>
/// A 3.5 M-parameter Llama (8 blocks, width 192, 6/2 heads, feed-forward 512, 2,048 tokens, tied head) with random weights, and
/// clients with random tokens: what a laptop or a CI machine can train. Its peer is <c>bench/peers/lora_step_peer.py</c>.
/// </summary>
internal static class SmallModel
{
    public static ModelConfig Config { get; } = new()
    {
        ModelType = "llama",
        VocabularySize = 2048,
        HiddenSize = 192,
        IntermediateSize = 512,
        LayerCount = 8,
        Heads = 6,
        KvHeads = 2,
        HeadWidth = 32,
        TieWordEmbeddings = true,
        MaxPositions = 1024,
        Json = new JsonObject { ["initializer_range"] = 0.02 },
    };

    /// <summary>A run that never ends: client k has <paramref name="ranks"/>[k] and batches of sequences × length tokens, all counted.</summary>
    public static TrainingRun Run(Transformer model, int[] ranks, int sequences, int length, out AdapterStack stack)
    {
        stack = new AdapterStack(model, [.. ranks.Select((r, k) => LoraInitialisation.Create(model.Config, new LoraOptions { Rank = r }, (ulong)k))], trainable: true);
        var clients = ranks.Select((_, k) => Client(k, sequences, length)).ToArray();
        return new TrainingRun(model, clients, new TrainedValues(stack.Flat, stack.Ranges, stack, Gradients: null, Publish: null), frozen: null);
    }

    private static TrainingClient Client(int k, int sequences, int length)
    {
        var draws = new Philox((ulong)k);
        var examples = Enumerable.Range(0, sequences).Select(i =>
        {
            int[] ids = [.. Enumerable.Range(0, length).Select(_ => draws.NextInt32(2048))];
            return new TokenizedExample($"{k}-{i}", ids, ids);
        });
        return new TrainingClient($"{k}", (ulong)k, [.. examples], new TrainingOptions { BatchSize = sequences, Steps = int.MaxValue });
    }
}
