namespace NativeFl.Benchmarks.Kernels;

/// <summary>A product of (M, K) by (K, N).</summary>
public sealed record ProductShape(int M, int K, int N) : IWork
{
    public double Operations => 2.0 * M * K * N;

    public override string ToString() => $"{M}×{K}×{N}";
}
