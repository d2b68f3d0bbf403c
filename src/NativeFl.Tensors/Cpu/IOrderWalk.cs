namespace NativeFl.Tensors.Cpu;

/// <summary>A game as the Shapley ops need it: the marginals of all players along one order.</summary>
internal unsafe interface IOrderWalk
{
    /// <summary>How many there are.</summary>
    int Players { get; }

    /// <summary>Floats of scratch.</summary>
    long ScratchFloats { get; }

    /// <summary>What a marginal is to be multiplied by.</summary>
    double Scale { get; }

    /// <summary>marginals[p] = the marginal of player p after those before it in the order; or += that, if this is not the first order.</summary>
    void Walk(int* order, float* scratch, bool isFirst, float* marginals);
}
