using NativeFl.Models;

namespace NativeFl.LayerDropping;

/// <summary>Dropped sublayers that follow each other, and what stands in for them.</summary>
public sealed class PatchedGap
{
    private const int Columns = 256;

    private readonly double[] _correction;

    internal PatchedGap(IReadOnlyList<Sublayer> dropped, ModuleId? into, double? errorBefore, double? errorAfter, double[] correction)
    {
        (Dropped, Into, ErrorBefore, ErrorAfter, _correction) = (dropped, into, errorBefore, errorAfter, correction);
    }

    /// <summary>What is missing, in order of execution.</summary>
    public IReadOnlyList<Sublayer> Dropped { get; }

    /// <summary>The last linear layer before the gap, which T is folded into; null where nothing precedes, and nothing stands in.</summary>
    public ModuleId? Into { get; }

    /// <summary>How far the residual stream behind the gap is from that of the whole model, relative to it, the gaps before it patched; null without a patch.</summary>
    public double? ErrorBefore { get; }

    /// <summary>The same with this patch, by the normal equations.</summary>
    public double? ErrorAfter { get; }

    /// <summary>Dᵀ = (T − I)ᵀ, (C, C), row-major.</summary>
    internal ReadOnlySpan<double> Correction => _correction;

    /// <summary>W ← T W = W + D W and b ← T b, each value rounded once.</summary>
    internal void ApplyTo(Transformer model)
    {
        if (Into is not { } module) return;
        ModelWeights weights = model.Weights;
        foreach (string part in new[] { ".weight", ".bias" })
        {
            if (weights.Layout.Find(module.Name + part) is not { } parameter) continue;
            float[] values = model.ReadTensor(parameter.Name);
            int columns = Math.Max(parameter.Columns, 1);
            for (int first = 0; first < columns; first += Columns) Fold(values, parameter.Rows, columns, first, Math.Min(Columns, columns - first));
            weights.Write(parameter, values);
        }
    }

    /// <summary>Some columns of W, (C, columns).</summary>
    private void Fold(float[] values, int width, int columns, int first, int count)
    {
        var block = new double[width * count];
        for (int row = 0; row < width; row++)
        {
            for (int j = 0; j < count; j++) block[(row * count) + j] = values[((long)row * columns) + first + j];
        }

        var sums = (double[])block.Clone();
        TransposedProduct.Add(_correction, block, width, width, count, sums);
        for (int row = 0; row < width; row++)
        {
            for (int j = 0; j < count; j++) values[((long)row * columns) + first + j] = (float)sums[(row * count) + j];
        }
    }
}
