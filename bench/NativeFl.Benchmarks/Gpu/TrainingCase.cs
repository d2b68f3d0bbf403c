using System.Text.Json.Nodes;
using NativeFl.Models;

namespace NativeFl.Benchmarks.Gpu;

/// <summary>
/// A training step to measure: a model's shape, one adapter for every rank in <paramref name="Ranks"/>, each with its own sequences of
/// random tokens, all counted. The shapes are published configurations; the weights are random.
/// </summary>
/// <param name="Name">As the tables call it.</param>
/// <param name="Config">The model.</param>
/// <param name="Sequences">Of every adapter, in one step.</param>
/// <param name="Length">Tokens of a sequence.</param>
/// <param name="Ranks">By adapter.</param>
internal sealed record TrainingCase(string Name, ModelConfig Config, int Sequences, int Length, int[] Ranks)
{
    private static readonly ModelConfig Llama1B = Llama(128256, 2048, 8192, 16, 32, 8, 64, tied: true, theta: 500000);
    private static readonly ModelConfig TinyLlama = Llama(32000, 2048, 5632, 22, 32, 4, 64);
    private static readonly ModelConfig Llama8B = Llama(128256, 4096, 14336, 32, 32, 8, 128, theta: 500000);
    private static readonly ModelConfig Tiny = Llama(512, 64, 160, 2, 4, 2, 16, tied: true);

    /// <summary>All of them. <c>tiny</c> and <c>tiny7</c> have no meaning but to run everywhere.</summary>
    public static IReadOnlyList<TrainingCase> All { get; } =
    [
        new("G1", Llama1B, 8, 2048, [16]),
        new("G2", Llama8B, 4, 2048, [16]),
        new("G4", TinyLlama, 4, 512, [8]),
        new("G7", Llama1B, 1, 512, [64, 64, 32, 32, 32, 16, 16, 16, 16, 8, 8, 8, 8, 4, 4, 4]),
        new("tiny", Tiny, 2, 32, [4]),
        new("tiny7", Tiny, 1, 16, [8, 4, 2]),
    ];

    /// <summary>The shape that adapters are merged into in G9.</summary>
    public static ModelConfig Llama2With7B { get; } = Llama(32000, 4096, 11008, 32, 32, 32, 128);

    /// <summary>Of one step.</summary>
    public int Tokens => Ranks.Length * Sequences * Length;

    /// <summary>
    /// Floating-point operations of a step through a frozen base, per token: 4 (N + H) + 3.5 A + 6 Λ, where N counts the weights of the
    /// linear layers, H the head, A = 2 L S H D the causal attention and Λ the adapter parameters that a token meets.
    /// </summary>
    public double OperationsPerToken
    {
        get
        {
            double weights = 0, factors = 0;
            foreach (ModuleId module in Config.Modules())
            {
                (int rows, int columns) = Config.ShapeOf(module.Projection);
                weights += (double)rows * columns;
                factors += rows + columns;
            }
            double head = (double)Config.VocabularySize * Config.HiddenSize;
            double attention = 2.0 * Config.LayerCount * Length * Config.Heads * Config.HeadWidth;
            return (4 * (weights + head)) + (3.5 * attention) + (6 * factors * Ranks.Average());
        }
    }

    private static ModelConfig Llama(
        int vocabulary, int width, int feedForward, int layers, int heads, int kvHeads, int headWidth, bool tied = false, double theta = 10000) => new()
        {
            ModelType = "llama",
            VocabularySize = vocabulary,
            HiddenSize = width,
            IntermediateSize = feedForward,
            LayerCount = layers,
            Heads = heads,
            KvHeads = kvHeads,
            HeadWidth = headWidth,
            NormEpsilon = 1e-5f,
            RopeTheta = theta,
            MaxPositions = 8192,
            TieWordEmbeddings = tied,
            Json = new JsonObject(),
        };
}
