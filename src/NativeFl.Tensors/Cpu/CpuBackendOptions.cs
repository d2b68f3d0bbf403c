namespace NativeFl.Tensors.Cpu;

/// <summary>How the CPU backend computes.</summary>
public sealed record CpuBackendOptions
{
    /// <summary>Threads to use; 0 = all cores. The result does not depend on it.</summary>
    public int Threads { get; init; }

    /// <summary>Whose matrix product to use; never chosen by timing, so that the same command gives the same bits.</summary>
    public CpuBlas Blas { get; init; } = CpuBlas.None;

    /// <summary>The widest vectors that the matrix kernels may use, so that one machine can test them all.</summary>
    internal int MaxVectorBits { get; init; } = 512;
}
