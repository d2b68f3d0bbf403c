using System.Numerics.Tensors;

namespace NativeFl.DataRefinement;

/// <summary>
/// A BERT encoder, forward only (Devlin et al., arXiv:1810.04805): x = norm(word + position + type), and in every layer x = norm(x + attention(x)),
/// x = norm(x + W₂ gelu(W₁ x)). Every token sees all tokens of its own text. The matrix products, nearly all of the work, run on the backend; norms,
/// GELU and the small products of attention on the host.
/// </summary>
/// <remarks>Texts lie one after another, without padding. Norms and the GELU's Φ are computed in double.</remarks>
internal sealed class BertEncoder(BertConfig config, BertWeights weights)
{
    /// <summary>The last hidden states of texts.</summary>
    /// <param name="texts">Token ids, each of at least one and at most <see cref="BertConfig.Positions"/> tokens, with [CLS] and [SEP].</param>
    /// <returns>(N, C): the tokens of all texts, one after another.</returns>
    public float[] Encode(IReadOnlyList<int[]> texts)
    {
        int rows = texts.Sum(text => text.Length), width = config.Width;
        using var pass = new BertPass(weights.Backend, rows, Math.Max(3 * width, config.Inner));
        float[] x = Embed(texts, rows);
        foreach (BertLayer layer in weights.Layers)
        {
            float[] projected = pass.Linear(x, layer.Input);
            x = Add(x, pass.Linear(Attend(projected, texts), layer.Output), layer.AttentionNorm);
            float[] inner = pass.Linear(x, layer.Up);
            Parallel.For(0, rows, n => Gelu(inner.AsSpan(n * config.Inner, config.Inner)));
            x = Add(x, pass.Linear(inner, layer.Down), layer.OutputNorm);
        }

        return x;
    }

    private float[] Embed(IReadOnlyList<int[]> texts, int rows)
    {
        int width = config.Width, n = 0;
        var x = new float[checked(rows * width)];
        foreach (int[] text in texts)
        {
            for (int t = 0; t < text.Length; t++, n++)
            {
                Span<float> row = x.AsSpan(n * width, width);
                TensorPrimitives.Add(weights.Words.AsSpan(text[t] * width, width), weights.TokenTypes.AsSpan(0, width), row);
                TensorPrimitives.Add(row, weights.Positions.AsSpan(t * width, width), row);
            }
        }

        Norm(x, weights.Norm);
        return x;
    }

    /// <summary>softmax(q kᵀ / √D) v of every text and head; q, k and v lie side by side in a row.</summary>
    private float[] Attend(float[] projected, IReadOnlyList<int[]> texts)
    {
        int width = config.Width, headWidth = width / config.Heads, stride = 3 * width;
        var output = new float[projected.Length / 3];
        int[] starts = [.. texts.Select((_, i) => texts.Take(i).Sum(text => text.Length))];
        float scale = 1 / MathF.Sqrt(headWidth);
        Parallel.For(0, texts.Count * config.Heads, job =>
        {
            int text = job / config.Heads, column = job % config.Heads * headWidth, length = texts[text].Length;
            var scores = new float[length];
            for (int t = starts[text]; t < starts[text] + length; t++)
            {
                ReadOnlySpan<float> query = projected.AsSpan((t * stride) + column, headWidth);
                for (int s = 0; s < length; s++)
                    scores[s] = scale * TensorPrimitives.Dot(query, projected.AsSpan(((starts[text] + s) * stride) + width + column, headWidth));
                TensorPrimitives.SoftMax(scores, scores);
                Span<float> sum = output.AsSpan((t * width) + column, headWidth);
                for (int s = 0; s < length; s++)
                    TensorPrimitives.MultiplyAdd(projected.AsSpan(((starts[text] + s) * stride) + (2 * width) + column, headWidth), scores[s], sum, sum);
            }
        });
        return output;
    }

    private float[] Add(float[] x, float[] delta, BertNorm norm)
    {
        TensorPrimitives.Add(x, delta, delta);
        Norm(delta, norm);
        return delta;
    }

    private void Norm(float[] x, BertNorm norm)
    {
        int width = config.Width;
        Parallel.For(0, x.Length / width, n =>
        {
            Span<float> row = x.AsSpan(n * width, width);
            double mean = 0, variance = 0;
            foreach (float value in row) mean += value;
            mean /= width;
            foreach (float value in row) variance += (value - mean) * (value - mean);
            double scale = 1 / Math.Sqrt((variance / width) + config.Epsilon);
            for (int c = 0; c < width; c++) row[c] = (float)(((row[c] - mean) * scale * norm.Weight[c]) + norm.Bias[c]);
        });
    }

    /// <summary>x Φ(x), Φ by the error function and not by one of the approximations that other models were trained with.</summary>
    private static void Gelu(Span<float> x)
    {
        foreach (ref float value in x) value = (float)(0.5 * value * (1 + ErrorFunction.Erf(value / Math.Sqrt(2))));
    }
}
