using NativeFl.Tensors;

namespace NativeFl.Tests.Reference;

/// <summary>The square root of the sum of squares over the ranges of each segment. Plain loops in double.</summary>
internal static class GradNorm
{
    public static double[] Forward(double[] gradients, ParameterRange[] ranges, int segments)
    {
        double[] norms = new double[segments];
        foreach (ParameterRange range in ranges)
        {
            for (long i = range.Offset; i < range.Offset + range.Count; i++) norms[range.Segment] += gradients[i] * gradients[i];
        }

        return [.. norms.Select(Math.Sqrt)];
    }
}
