namespace NativeFl.Benchmarks.Kernels;

/// <summary>Clients of equal rank with equal runs of rows through one adapted matrix; the work is that of a forward.</summary>
public sealed record LoraShape(int Clients, int Rows, int Rank, int Inputs, int Outputs) : IWork
{
    public double Operations => 2.0 * Clients * Rows * Rank * (Inputs + Outputs);

    public override string ToString() => $"{Clients} clients × {Rows} rows, r={Rank}, {Inputs}→{Outputs}";
}
