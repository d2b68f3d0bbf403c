namespace NativeFl.Tests.Reference;

/// <summary>y = silu(gate) · up. Plain loops in double.</summary>
internal static class Swiglu
{
    public static double[] Forward(double[] gate, double[] up) =>
        [.. gate.Zip(up, (g, u) => g / (1 + Math.Exp(-g)) * u)];

    public static (double[] DGate, double[] DUp) Backward(double[] dy, double[] gate, double[] up)
    {
        double[] dGate = new double[dy.Length], dUp = new double[dy.Length];
        for (int i = 0; i < dy.Length; i++)
        {
            double sigmoid = 1 / (1 + Math.Exp(-gate[i]));
            dGate[i] = dy[i] * up[i] * (sigmoid + (gate[i] * sigmoid * (1 - sigmoid)));
            dUp[i] = dy[i] * gate[i] * sigmoid;
        }

        return (dGate, dUp);
    }
}
