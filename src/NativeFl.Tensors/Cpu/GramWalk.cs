using System.Runtime.Intrinsics;

namespace NativeFl.Tensors.Cpu;

/// <summary>gains[i] − (c[i] + ½ gram[i, i]), c being the sum of the rows of gram before. n operations a player.</summary>
internal readonly unsafe struct GramWalk(float* gains, float* gram, int players) : IOrderWalk
{
    public int Players => players;

    public long ScratchFloats => players + Lanes.Width;

    public double Scale => 1;

    public void Walk(int* order, float* scratch, bool isFirst, float* marginals)
    {
        for (int c = 0; c < players; c += Lanes.Width) Vector256<float>.Zero.Store(scratch + c);
        for (int k = 0; k < players; k++)
        {
            int player = order[k];
            float* row = gram + ((long)player * players);
            float marginal = gains[player] - MathF.FusedMultiplyAdd(0.5f, row[player], scratch[player]);
            marginals[player] = isFirst ? marginal : marginals[player] + marginal;
            for (int c = 0; c < players; c += Lanes.Width) (Vector256.Load(scratch + c) + Lanes.Load(row + c, players - c)).Store(scratch + c);
        }
    }
}
