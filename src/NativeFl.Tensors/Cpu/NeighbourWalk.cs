using System.Runtime.Intrinsics;

namespace NativeFl.Tensors.Cpu;

/// <summary>
/// By point the K smallest keys so far, in ascending order: a new key goes to its place, and the one that falls off the end is given back. A key's
/// lowest bit says whether its class is the point's, so the marginal is a difference of bits, counted over the points. Eight points side by side.
/// </summary>
internal readonly unsafe struct NeighbourWalk(int* keys, int players, int points, int neighbours) : IOrderWalk
{
    // Greater than every key, and of no class.
    private const int NoKey = int.MaxValue - 1;

    public int Players => players;

    public long ScratchFloats => (long)neighbours * Lanes.Width;

    public double Scale => 1.0 / ((double)neighbours * points);

    public void Walk(int* order, float* scratch, bool isFirst, float* marginals)
    {
        int* nearest = (int*)scratch;
        for (int t = 0; t < points; t += Lanes.Width)
        {
            for (int j = 0; j < neighbours; j++) Vector256.Create(NoKey).Store(nearest + (j * Lanes.Width));
            for (int k = 0; k < players; k++)
            {
                int player = order[k];
                float marginal = Insert(keys + ((long)player * points) + t, Math.Min(Lanes.Width, points - t), nearest);
                marginals[player] = isFirst && t == 0 ? marginal : marginals[player] + marginal;
            }
        }
    }

    private int Insert(int* from, int left, int* nearest)
    {
        // A point beyond the last has a key that falls off at once.
        Vector256<int> key = Lanes.Load((float*)from, left, BitConverter.Int32BitsToSingle(NoKey)).AsInt32(), falling = key;
        for (int j = 0; j < neighbours; j++)
        {
            Vector256<int> held = Vector256.Load(nearest + (j * Lanes.Width));
            Vector256.Min(held, falling).Store(nearest + (j * Lanes.Width));
            falling = Vector256.Max(held, falling);
        }

        return Vector256.Sum((key & Vector256<int>.One) - (falling & Vector256<int>.One));
    }
}
