using NativeFl.Tensors;

namespace NativeFl.Benchmarks.Kernels;

/// <summary>Causal sequences of equal length; the work is 4 D operations a visible (query, key, head), as in a forward.</summary>
public sealed record AttentionCase(int Heads, int KvHeads, int Width, int Length, int Sequences) : IWork
{
    public double Operations => 4.0 * Width * Heads * Sequences * ((double)Length * (Length + 1) / 2);

    internal AttentionShape Shape => new(Heads, KvHeads, Width, 1 / MathF.Sqrt(Width));

    internal AttentionSpan[] Spans => [.. Enumerable.Range(0, Sequences).Select(i => AttentionSpan.Whole(i * Length, Length))];

    public override string ToString() => $"H {Heads}/{KvHeads} D {Width} T {Length} B {Sequences}";
}
