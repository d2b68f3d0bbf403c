using NativeFl.Data;
using NativeFl.LayerDropping;
using NativeFl.Models;
using NativeFl.Tensors;

namespace NativeFl.Tests.LayerDropping;

/// <summary>Small models, scores and sequences for the laws of dropping.</summary>
internal static class DroppingCases
{
    /// <summary>A shape of so many blocks, without the given sublayers.</summary>
    public static ModelConfig Config(int layers, params IReadOnlyList<Sublayer> dropped)
    {
        string json = $$"""
            {"model_type":"llama","architectures":["LlamaForCausalLM"],"num_hidden_layers":{{layers}},"hidden_size":16,"intermediate_size":24,
             "num_attention_heads":2,"num_key_value_heads":1,"vocab_size":32,"max_position_embeddings":64,"initializer_range":0.3}
            """;
        return ModelConfigFile.Parse(json, "config.json") with { Dropped = new DroppedSublayers(dropped) };
    }

    /// <summary>A random model of so many blocks.</summary>
    public static Transformer Model(Backend backend, int layers, ulong seed) => Transformer.Random(backend, Config(layers), DType.F32, seed);

    /// <summary>
    /// The same with a larger embedding: the stream is so long from the start that every block turns it about as much, and which one least is open.
    /// </summary>
    public static Transformer Even(Backend backend, int layers, ulong seed)
    {
        using Transformer model = Model(backend, layers, seed);
        using var folder = new Cli.TemporaryFolder();
        IEnumerable<CheckpointTensor> tensors = model.Weights.Layout.Parameters.Select(p => new CheckpointTensor(p.Name, p.Rows, p.Columns, (first, buffer, rows) =>
        {
            float[] values = model.ReadTensor(p.Name);
            int columns = Math.Max(p.Columns, 1), factor = p.Name == "model.embed_tokens.weight" ? 8 : 1;
            for (int i = 0; i < rows * columns; i++) buffer[i] = factor * values[(first * columns) + i];
        }));
        CheckpointWriter.Write(folder.Root, model.Config, DType.F32, tensors, copyTokenizerFrom: null);
        return Transformer.Load(backend, folder.Root);
    }

    /// <summary>Random sequences of unequal length.</summary>
    public static TokenizedExample[] Samples(int count, ulong seed, int vocabulary = 32)
    {
        var draws = new Philox(seed);
        return [.. Enumerable.Range(0, count).Select(i =>
        {
            int[] ids = [.. Enumerable.Range(0, 3 + draws.NextInt32(9)).Select(_ => draws.NextInt32(vocabulary))];
            return new TokenizedExample($"{i}", ids, [.. ids]);
        })];
    }

    /// <summary>Scores of a model's sublayers and of all runs of its blocks, drawn from few values, so that there are ties.</summary>
    public static LayerScores Scores(ModelConfig config, int values, ulong seed)
    {
        var draws = new Philox(seed);
        double Draw() => 1 - (draws.NextInt32(values) / 16.0);
        int[] blocks = [.. config.Sublayers().Select(s => s.Layer).Distinct()];
        return new LayerScores
        {
            Sublayers = [.. config.Sublayers().Select(s => new SublayerScore(s, Draw(), null))],
            Blocks =
            [
                .. Enumerable.Range(1, blocks.Length).SelectMany(length =>
                    Enumerable.Range(0, blocks.Length - length + 1).Select(start => new BlockScore(blocks[start], length, Draw(), null))),
            ],
            Tokens = 1,
            Samples = 1,
        };
    }

    /// <summary>The similarity that decides about a candidate.</summary>
    public static double Similarity(LayerScores scores, Granularity granularity, IReadOnlyList<Sublayer> candidate) => granularity == Granularity.Block
        ? scores.Blocks.Single(b => b.Length == 1 && b.Layer == candidate[0].Layer).Similarity
        : scores.Sublayers.Single(s => s.Sublayer == candidate[0]).Similarity;

    /// <summary>Whether some attention would be left.</summary>
    public static bool LeavesAttention(ModelConfig config, IEnumerable<IReadOnlyList<Sublayer>> dropped)
    {
        HashSet<Sublayer> gone = [.. dropped.SelectMany(c => c)];
        return config.Sublayers().Any(s => s.Kind == SublayerKind.Attention && !gone.Contains(s));
    }
}
