namespace NativeFl.Tests.Reference;

/// <summary>y + alpha x. Plain loops in double.</summary>
internal static class AddScaled
{
    public static double[] Forward(double[] x, double alpha, double[] y) => [.. x.Zip(y, (a, b) => b + (alpha * a))];
}
