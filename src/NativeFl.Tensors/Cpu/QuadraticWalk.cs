using System.Runtime.Intrinsics;

namespace NativeFl.Tensors.Cpu;

/// <summary>gains[i] − rows[i] · (s + ½ rows[i]), s being the sum of the rows before; without rows gains[i] alone. 6 d operations a player.</summary>
internal readonly unsafe struct QuadraticWalk(float* gains, float* rows, int players, int width) : IOrderWalk
{
    public int Players => players;

    public long ScratchFloats => width + Lanes.Width;

    public double Scale => 1;

    public void Walk(int* order, float* scratch, bool isFirst, float* marginals)
    {
        for (int c = 0; c < width; c += Lanes.Width) Vector256<float>.Zero.Store(scratch + c);
        Vector256<float> half = Vector256.Create(0.5f);
        for (int k = 0; k < players; k++)
        {
            int player = order[k];
            float* row = rows + ((long)player * width);
            Vector256<float> product = default;
            for (int c = 0; c < width; c += Lanes.Width)
            {
                Vector256<float> own = Lanes.Load(row + c, width - c), before = Vector256.Load(scratch + c);
                product = Vector256.FusedMultiplyAdd(own, Vector256.FusedMultiplyAdd(half, own, before), product);
                (before + own).Store(scratch + c);
            }

            float marginal = gains[player] - Vector256.Sum(product);
            marginals[player] = isFirst ? marginal : marginals[player] + marginal;
        }
    }
}
