namespace NativeFl.Tensors.Cpu;

/// <summary>1 for the player whose weight makes the sum reach the quota, in whole numbers.</summary>
internal readonly unsafe struct VotingWalk(int* weights, int players, long quota) : IOrderWalk
{
    public int Players => players;

    public long ScratchFloats => 0;

    public double Scale => 1;

    public void Walk(int* order, float* scratch, bool isFirst, float* marginals)
    {
        long sum = 0;
        for (int k = 0; k < players; k++)
        {
            int player = order[k], before = sum >= quota ? 1 : 0;
            sum += weights[player];
            float marginal = (sum >= quota ? 1 : 0) - before;
            marginals[player] = isFirst ? marginal : marginals[player] + marginal;
        }
    }
}
