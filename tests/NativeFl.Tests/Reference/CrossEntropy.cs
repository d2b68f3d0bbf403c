namespace NativeFl.Tests.Reference;

/// <summary>loss = logsumexp(logits) − logits[label]; gradient = weight · (softmax − onehot). Plain loops in double.</summary>
internal static class CrossEntropy
{
    public static double[] Forward(double[] logits, int[] labels) =>
        [.. labels.Select((label, n) => LogSumExp(Row(logits, labels, n)) - Row(logits, labels, n)[label])];

    public static double[] Backward(double[] logits, int[] labels, double[] weights)
    {
        double[] gradient = new double[logits.Length];
        int vocabulary = logits.Length / labels.Length;
        for (int n = 0; n < labels.Length; n++)
        {
            double[] row = Row(logits, labels, n);
            double logSum = LogSumExp(row);
            for (int v = 0; v < vocabulary; v++) gradient[(n * vocabulary) + v] = weights[n] * Math.Exp(row[v] - logSum);

            // Σ_{v ≠ label} rather than softmax − 1, which loses its digits near 1.
            gradient[(n * vocabulary) + labels[n]] = -weights[n] * row.Where((_, v) => v != labels[n]).Sum(x => Math.Exp(x - logSum));
        }

        return gradient;
    }

    private static double[] Row(double[] logits, int[] labels, int n) => logits[(n * (logits.Length / labels.Length))..((n + 1) * (logits.Length / labels.Length))];

    private static double LogSumExp(double[] row)
    {
        double max = row.Max();
        return max + Math.Log(row.Sum(x => Math.Exp(x - max)));
    }
}
