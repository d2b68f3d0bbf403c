using NativeFl.Tensors;
using NativeFl.Tests;

namespace NativeFl.Cuda.Tests;

/// <summary>How far each result of attention may be from the double-precision reference.</summary>
/// <remarks>
/// With a(i, j) = scale Σ_c |q_ic k_jc|, the terms of a score: a score and lse are off by λ √D u a (<see cref="Tolerance"/>), thus a
/// probability P = exp(score − lse) by twice that relative to itself, with a the largest of its row. A sum of n terms t adds λ √n u Σ|t|. In
/// bf16, of unit roundoff r = 2⁻⁸:
/// o and dv lose r in P and r in the result, relative to Σ P |v| and Σ P |dO|. dS = P (dP − delta), of size
/// m = scale P (Σ_c |dO v| + Σ_j P Σ_c |dO v|), loses r for itself and 2 r for delta, which is made of such an o; with the result's own
/// rounding dq and dk lose 4 r relative to Σ m |k| and Σ m |q|.
/// </remarks>
internal sealed record AttentionBound(double[] O, double[] Lse, double[] DQ, double[] DK, double[] DV)
{
    public static AttentionBound Of(
        double[] dO, double[] q, double[] k, double[] v, AttentionSpan[] spans, AttentionShape shape, DType dtype)
    {
        var bound = new AttentionBound(
            new double[q.Length], new double[q.Length / shape.HeadWidth], new double[q.Length], new double[k.Length], new double[k.Length]);
        int group = shape.Heads / shape.KvHeads, d = shape.HeadWidth;
        double roundoff = dtype == DType.BF16 ? Math.ScaleB(1, -8) : 0, scoreError = Tolerance.For(DType.F32, d);
        foreach (AttentionSpan span in spans)
        {
            double sumError = Tolerance.For(DType.F32, d + ((long)span.KeyCount * group));
            for (int r = 0; r < span.QueryCount * shape.Heads; r++)
            {
                int i = r / shape.Heads, head = r % shape.Heads, row = ((span.QueryStart + i) * shape.Heads) + head;
                int end = span.KeyCount - span.QueryCount + i + 1, begin = shape.Window > 0 ? Math.Max(0, end - shape.Window) : 0;
                var keys = Enumerable.Range(begin, end - begin).Select(j => (((span.KeyStart + j) * shape.KvHeads) + (head / group)) * d).ToArray();
                bound.Add(dO, q, k, v, row, keys, shape, scoreError, sumError, roundoff);
            }
        }

        return bound;
    }

    // The row's own bounds, and its share in those of its keys, which are given by where they start in k and v.
    private void Add(
        double[] dO, double[] q, double[] k, double[] v, int row, int[] keys, AttentionShape shape, double scoreError, double sumError, double roundoff)
    {
        int d = shape.HeadWidth, own = row * d;
        double[] scores = [.. keys.Select(key => shape.Scale * Sum(d, c => q[own + c] * k[key + c]))];
        double[] dP = [.. keys.Select(key => Sum(d, c => Math.Abs(dO[own + c] * v[key + c])))];
        double terms = keys.Max(key => shape.Scale * Sum(d, c => Math.Abs(q[own + c] * k[key + c])));
        double highest = scores.Max(), lse = highest + Math.Log(scores.Sum(s => Math.Exp(s - highest)));
        double[] p = [.. scores.Select(s => Math.Exp(s - lse))];
        double mean = Sum(keys.Length, j => p[j] * dP[j]), f32 = (2 * scoreError * terms) + sumError;
        Lse[row] = (scoreError * terms) + (sumError * (1 + Math.Abs(lse)));
        for (int j = 0; j < keys.Length; j++)
        {
            double m = shape.Scale * p[j] * (dP[j] + mean);
            for (int c = 0; c < d; c++)
            {
                O[own + c] += (f32 + (2 * roundoff)) * p[j] * Math.Abs(v[keys[j] + c]);
                DV[keys[j] + c] += (f32 + (2 * roundoff)) * p[j] * Math.Abs(dO[own + c]);
                DQ[own + c] += (f32 + (4 * roundoff)) * m * Math.Abs(k[keys[j] + c]);
                DK[keys[j] + c] += (f32 + (4 * roundoff)) * m * Math.Abs(q[own + c]);
            }
        }
    }

    private static double Sum(int count, Func<int, double> term)
    {
        double sum = 0;
        for (int i = 0; i < count; i++) sum += term(i);
        return sum;
    }
}
