using System.Text.Json.Nodes;
using NativeFl.Models;

namespace NativeFl.Benchmarks.LayerDropping;

/// <summary>
/// A 123 M-parameter Llama (8 blocks, width 1,024, 16/4 heads of 64, feed-forward 2,816, 32,000 tokens, tied head) for random weights: in f32
/// larger than any cache, so that a step of decoding is bound by memory, as it is with large models. Of a block's 11.3 M weights attention
/// has 2.6 M.
/// </summary>
internal static class MediumModel
{
    public static ModelConfig Config { get; } = new()
    {
        ModelType = "llama",
        VocabularySize = 32000,
        HiddenSize = 1024,
        IntermediateSize = 2816,
        LayerCount = 8,
        Heads = 16,
        KvHeads = 4,
        HeadWidth = 64,
        TieWordEmbeddings = true,
        MaxPositions = 2048,
        Json = new JsonObject { ["initializer_range"] = 0.02 },
    };
}
