using NativeFl.Tensors;

namespace NativeFl.Tests.Reference;

/// <summary>x ∘ mask / (1 − rate), bit by bit from the definition of the mask. Plain loops in double.</summary>
internal static class Dropout
{
    public static double[] Forward(double[] x, int columns, DropoutRows[] clients, int module, double rate)
    {
        double[] y = [.. x];
        double threshold = Math.Min(Math.Round(rate * Math.Pow(2, 32)), Math.Pow(2, 32) - 1);
        foreach (DropoutRows client in clients)
        {
            for (int i = 0; i < client.RowCount; i++)
            {
                for (int c = 0; c < columns; c++)
                {
                    ulong stream = ((ulong)(uint)client.Step << 32) | (uint)module, index = ((ulong)i << 32) | ((uint)c / 4);
                    uint word = (uint)(Philox.Block(client.Seed, stream, index) >> (32 * (c % 4)));
                    int at = ((client.RowStart + i) * columns) + c;
                    y[at] = word >= threshold ? x[at] / (1 - rate) : 0;
                }
            }
        }

        return y;
    }

    /// <summary>The map is linear and diagonal: its transpose is itself.</summary>
    public static double[] Backward(double[] dy, int columns, DropoutRows[] clients, int module, double rate) =>
        Forward(dy, columns, clients, module, rate);
}
