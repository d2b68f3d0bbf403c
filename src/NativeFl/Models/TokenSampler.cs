using NativeFl.Tensors;

namespace NativeFl.Models;

/// <summary>Chooses the next token from logits.</summary>
internal sealed class TokenSampler(GenerationOptions options, ulong stream)
{
    private Philox _draws = new(options.Seed, stream);

    /// <summary>A token id; with temperature 0 the first of the largest logits.</summary>
    public int Next(ReadOnlySpan<float> logits)
    {
        if (options.Temperature == 0) return System.Numerics.Tensors.TensorPrimitives.IndexOfMax(logits);
        int[] ids = new int[logits.Length];
        float[] negated = new float[logits.Length];
        for (int i = 0; i < ids.Length; i++) (ids[i], negated[i]) = (i, -logits[i]);
        Array.Sort(negated, ids);
        int count = options.TopK > 0 ? Math.Min(options.TopK, ids.Length) : ids.Length;
        var cumulative = new double[count];
        double total = 0;
        for (int i = 0; i < count; i++) cumulative[i] = total += Math.Exp((negated[0] - negated[i]) / options.Temperature);
        if (options.TopP < 1)
        {
            int kept = Array.FindIndex(cumulative, c => c >= options.TopP * total) + 1;
            if (kept > 0) (count, total) = (kept, cumulative[kept - 1]);
        }

        double draw = _draws.NextDouble() * total;
        int index = Array.FindIndex(cumulative, 0, count, c => draw < c);
        return ids[index < 0 ? count - 1 : index];
    }
}
