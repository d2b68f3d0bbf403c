namespace NativeFl.Tensors.Cpu;

public sealed unsafe partial class CpuBackend
{
    /// <inheritdoc/>
    public override void LoraMerge(TensorView a, TensorView b, ReadOnlySpan<LoraGroup> groups, PackedMatrix w)
    {
        Expect.Packed(nameof(w), w);
        Expect.Tensor(nameof(a), a, DType.F32, a.Rows, w.In);
        Expect.Tensor(nameof(b), b, DType.F32, a.Rows, w.Out);
        using DeviceMemory wide = Widened(w, out TensorView rows);
        foreach (LoraGroup g in groups)
        {
            Expect.Range("ranks", g.RankStart, g.RankCount, a.Rows);
            if (g.RankCount == 0 || g.Scaling == 0) continue;
            Product(Turned(Rows(b, g.RankStart)), Rows(a, g.RankStart), w.Out, w.In, g.RankCount, g.Scaling, true, Rows(rows, 0));
        }
        Pack(rows, 0, w);
    }
}
