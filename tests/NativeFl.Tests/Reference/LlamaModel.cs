using NativeFl.Models;
using NativeFl.Tensors;

namespace NativeFl.Tests.Reference;

/// <summary>A Llama model without biases in double, sublayer by sublayer, with whatever is dropped left out. Plain loops.</summary>
internal sealed class LlamaModel(Transformer model)
{
    private readonly ModelConfig _config = model.Config;
    private readonly Dictionary<string, double[]> _tensors = Checkpoint.ExpectedTensors(model.Config)
        .ToDictionary(t => t.Name, t => Array.ConvertAll(model.ReadTensor(t.Name), x => (double)x));

    /// <summary>The residual stream (T, C) before each sublayer that is run, and behind the last.</summary>
    public double[][] Streams(int[] tokens, IEnumerable<Sublayer> run)
    {
        double[] x = Embedding.Forward(_tensors["model.embed_tokens.weight"], _config.HiddenSize, tokens);
        List<double[]> streams = [x];
        foreach (Sublayer sublayer in run)
        {
            double[] added = sublayer.Kind == SublayerKind.Attention ? Attend(x, sublayer.Layer) : Feed(x, sublayer.Layer);
            x = [.. x.Zip(added, (a, b) => a + b)];
            streams.Add(x);
        }

        return [.. streams];
    }

    /// <summary>Σ −log p of every token but the first of each sequence, over their number.</summary>
    public double Loss(IReadOnlyList<int[]> sequences, IReadOnlyList<Sublayer> run)
    {
        double sum = 0;
        int count = 0;
        foreach (int[] tokens in sequences)
        {
            double[] logits = Product(Normed(Streams(tokens, run)[^1], "model.norm.weight"), _config.TieWordEmbeddings ? "model.embed_tokens.weight" : "lm_head.weight");
            sum += CrossEntropy.Forward(logits[..((tokens.Length - 1) * _config.VocabularySize)], tokens[1..]).Sum();
            count += tokens.Length - 1;
        }

        return sum / count;
    }

    /// <summary>The mean over all tokens of the cosines between two streams of each sequence, for each pair of streams.</summary>
    public double[] Similarities(IReadOnlyList<int[]> sequences, IReadOnlyList<Sublayer> run, IReadOnlyList<(int Before, int Behind)> pairs)
    {
        double[] sums = new double[pairs.Count];
        foreach (int[] tokens in sequences)
        {
            double[][] streams = Streams(tokens, run);
            for (int i = 0; i < sums.Length; i++)
            {
                for (int t = 0; t < tokens.Length; t++) sums[i] += Cosine(Row(streams[pairs[i].Before], t), Row(streams[pairs[i].Behind], t));
            }
        }

        return [.. sums.Select(sum => sum / sequences.Sum(s => s.Length))];
    }

    private static double Cosine(double[] x, double[] y) =>
        x.Zip(y, (a, b) => a * b).Sum() / Math.Sqrt(x.Sum(a => a * a) * y.Sum(b => b * b));

    private double[] Row(double[] x, int row) => x[(row * _config.HiddenSize)..((row + 1) * _config.HiddenSize)];

    private double[] Attend(double[] x, int layer)
    {
        string p = $"model.layers.{layer}.";
        double[] normed = Normed(x, p + "input_layernorm.weight"), frequencies = Array.ConvertAll(Rotary.Frequencies(_config), f => (double)f);
        int length = x.Length / _config.HiddenSize;
        int[] positions = [.. Enumerable.Range(0, length)];
        double[] q = Rope.Forward(positions, frequencies, Product(normed, p + "self_attn.q_proj.weight"));
        double[] k = Rope.Forward(positions, frequencies, Product(normed, p + "self_attn.k_proj.weight"));
        var shape = new AttentionShape(_config.Heads, _config.KvHeads, _config.HeadWidth, 1 / MathF.Sqrt(_config.HeadWidth), 0);
        double[] o = Attention.Forward(q, k, Product(normed, p + "self_attn.v_proj.weight"), [AttentionSpan.Whole(0, length)], shape).O;
        return Product(o, p + "self_attn.o_proj.weight");
    }

    private double[] Feed(double[] x, int layer)
    {
        string p = $"model.layers.{layer}.";
        double[] normed = Normed(x, p + "post_attention_layernorm.weight");
        return Product(Swiglu.Forward(Product(normed, p + "mlp.gate_proj.weight"), Product(normed, p + "mlp.up_proj.weight")), p + "mlp.down_proj.weight");
    }

    private double[] Normed(double[] x, string weight) => RmsNorm.Forward(x, _tensors[weight], _config.NormEpsilon).Y;

    private double[] Product(double[] x, string weight)
    {
        ModelParameter shape = model.Weights.Layout.Find(weight)!;
        return Linear.Forward(x, _tensors[weight], new double[shape.Rows], x.Length / shape.Columns, shape.Rows, shape.Columns);
    }
}
