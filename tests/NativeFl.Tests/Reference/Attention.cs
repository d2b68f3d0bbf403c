using NativeFl.Tensors;

namespace NativeFl.Tests.Reference;

/// <summary>o = softmax(scale · q kᵀ + causal mask) v per span and head; lse = log Σ exp. Plain loops in double.</summary>
internal static class Attention
{
    public static (double[] O, double[] Lse) Forward(double[] q, double[] k, double[] v, AttentionSpan[] spans, AttentionShape shape)
    {
        int d = shape.HeadWidth;
        double[] o = new double[q.Length], lse = new double[q.Length / d];
        ForEachRow(spans, shape, (row, begin, end, head, kvHead) =>
        {
            double[] p = Probabilities(q, k, row, begin, end, head, kvHead, shape, out double logSum);
            lse[(row * shape.Heads) + head] = logSum;
            for (int j = begin; j < end; j++)
            {
                for (int c = 0; c < d; c++) o[At(row, head, shape.Heads, d) + c] += p[j - begin] * v[At(j, kvHead, shape.KvHeads, d) + c];
            }
        });
        return (o, lse);
    }

    /// <summary>dS = P ∘ (dP − Σ_j P dP) · scale with dP = dO vᵀ; dq = dS k, dk = dSᵀ q, dv = Pᵀ dO.</summary>
    public static (double[] DQ, double[] DK, double[] DV) Backward(
        double[] dO, double[] q, double[] k, double[] v, AttentionSpan[] spans, AttentionShape shape)
    {
        int d = shape.HeadWidth;
        double[] dq = new double[q.Length], dk = new double[k.Length], dv = new double[v.Length];
        ForEachRow(spans, shape, (row, begin, end, head, kvHead) =>
        {
            double[] p = Probabilities(q, k, row, begin, end, head, kvHead, shape, out _), dp = new double[end - begin];
            double mean = 0;
            for (int j = begin; j < end; j++)
            {
                for (int c = 0; c < d; c++) dp[j - begin] += dO[At(row, head, shape.Heads, d) + c] * v[At(j, kvHead, shape.KvHeads, d) + c];
                mean += p[j - begin] * dp[j - begin];
            }

            for (int j = begin; j < end; j++)
            {
                double ds = p[j - begin] * (dp[j - begin] - mean) * shape.Scale;
                for (int c = 0; c < d; c++)
                {
                    int own = At(row, head, shape.Heads, d) + c, other = At(j, kvHead, shape.KvHeads, d) + c;
                    dq[own] += ds * k[other];
                    dk[other] += ds * q[own];
                    dv[other] += p[j - begin] * dO[own];
                }
            }
        });
        return (dq, dk, dv);
    }

    private static int At(int row, int head, int heads, int width) => ((row * heads) + head) * width;

    private static void ForEachRow(AttentionSpan[] spans, AttentionShape shape, Action<int, int, int, int, int> body)
    {
        foreach (AttentionSpan span in spans)
        {
            for (int i = 0; i < span.QueryCount; i++)
            {
                int last = span.KeyCount - span.QueryCount + i, first = shape.Window > 0 ? Math.Max(0, last - shape.Window + 1) : 0;
                for (int head = 0; head < shape.Heads; head++)
                    body(span.QueryStart + i, span.KeyStart + first, span.KeyStart + last + 1, head, head / (shape.Heads / shape.KvHeads));
            }
        }
    }

    private static double[] Probabilities(
        double[] q, double[] k, int row, int begin, int end, int head, int kvHead, AttentionShape shape, out double logSum)
    {
        double[] p = new double[end - begin];
        for (int j = begin; j < end; j++)
        {
            for (int c = 0; c < shape.HeadWidth; c++)
                p[j - begin] += q[At(row, head, shape.Heads, shape.HeadWidth) + c] * k[At(j, kvHead, shape.KvHeads, shape.HeadWidth) + c];
            p[j - begin] *= shape.Scale;
        }

        double max = p.Max(), sum = p.Sum(s => Math.Exp(s - max));
        logSum = max + Math.Log(sum);
        for (int j = 0; j < p.Length; j++) p[j] = Math.Exp(p[j] - logSum);
        return p;
    }
}
