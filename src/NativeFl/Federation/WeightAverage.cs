using NativeFl.Models;

namespace NativeFl.Federation;

/// <summary>W = Σ n_k W_k / Σ n_k over whole models, one model at a time, so that only one client's weights exist beside the sum.</summary>
internal sealed class WeightAverage
{
    private readonly Dictionary<string, float[]> _sums = [];
    private double _total;

    /// <summary>Adds a model; the weight is above zero.</summary>
    public void Add(double weight, Transformer model)
    {
        _total += weight;
        foreach (ModelParameter parameter in model.Weights.Layout.Parameters)
        {
            var values = new float[parameter.Count];
            model.Weights.Read(parameter, 0, values);
            if (!_sums.TryGetValue(parameter.Name, out float[]? sums)) _sums.Add(parameter.Name, sums = new float[parameter.Count]);
            for (int i = 0; i < values.Length; i++) sums[i] += (float)(weight * values[i]);
        }
    }

    /// <summary>Whether every weight of a model is finite.</summary>
    public static bool IsFinite(Transformer model)
    {
        foreach (ModelParameter parameter in model.Weights.Layout.Parameters)
        {
            var values = new float[parameter.Count];
            model.Weights.Read(parameter, 0, values);
            if (!Array.TrueForAll(values, float.IsFinite)) return false;
        }

        return true;
    }

    /// <summary>Writes the average into a model of the same shape.</summary>
    public void WriteTo(Transformer model) => model.Weights.Fill((parameter, first, rows) =>
    {
        int start = first * Math.Max(parameter.Columns, 1);
        ReadOnlySpan<float> sums = _sums[parameter.Name].AsSpan(start, rows.Length);
        for (int i = 0; i < sums.Length; i++) rows.Span[i] = (float)(sums[i] / _total);
    });
}
