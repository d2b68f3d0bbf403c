namespace NativeFl.Tensors.Cpu;

public sealed unsafe partial class CpuBackend
{
    /// <inheritdoc/>
    public override void LoraForward(TensorView x, TensorView a, TensorView b, ReadOnlySpan<LoraGroup> groups, TensorView s, TensorView y)
    {
        int inputs = x.Columns, outputs = y.Columns;
        CheckLora(x, a, b, groups, s, y);
        foreach (LoraGroup g in groups)
        {
            if (g.RowCount == 0 || g.RankCount == 0 || g.Scaling == 0) continue;
            Strided x0 = Rows(x, g.RowStart), s0 = Rows(s, g.RowStart, g.Column), y0 = Rows(y, g.RowStart);
            Product(x0, Turned(Rows(a, g.RankStart)), g.RowCount, g.RankCount, inputs, 1, false, s0);
            Product(s0, Rows(b, g.RankStart), g.RowCount, outputs, g.RankCount, g.Scaling, true, y0);
        }
    }

    /// <inheritdoc/>
    public override void LoraBackward(
        TensorView dy, TensorView x, TensorView a, TensorView b, TensorView s, ReadOnlySpan<LoraGroup> groups,
        TensorView ds, TensorView da, TensorView db, TensorView dx)
    {
        int inputs = a.Columns, outputs = b.Columns;
        CheckLora(x, a, b, groups, s, dy);
        Expect.Tensor(nameof(ds), ds, DType.F32, s.Rows, s.Columns);
        if (!da.IsEmpty) Expect.Tensor(nameof(da), da, DType.F32, a.Rows, a.Columns);
        if (!db.IsEmpty) Expect.Tensor(nameof(db), db, DType.F32, b.Rows, b.Columns);
        if (!dx.IsEmpty) Expect.Tensor(nameof(dx), dx, DType.F32, x.Rows, x.Columns);
        foreach (LoraGroup g in groups)
        {
            if (g.RowCount == 0 || g.RankCount == 0 || g.Scaling == 0) continue;
            int n = g.RowCount, r = g.RankCount;
            Strided dy0 = Rows(dy, g.RowStart), ds0 = Rows(ds, g.RowStart, g.Column), s0 = Rows(s, g.RowStart, g.Column);
            Product(dy0, Turned(Rows(b, g.RankStart)), n, r, outputs, g.Scaling, false, ds0);
            if (!db.IsEmpty) Product(Turned(s0), dy0, r, outputs, n, g.Scaling, true, Rows(db, g.RankStart));
            if (!da.IsEmpty) Product(Turned(ds0), Rows(x, g.RowStart), r, inputs, n, 1, true, Rows(da, g.RankStart));
            if (!dx.IsEmpty) Product(ds0, Rows(a, g.RankStart), n, inputs, r, 1, true, Rows(dx, g.RowStart));
        }
    }

    private static Strided Rows(TensorView t, int row, int column = 0) => new((float*)t.Pointer + ((long)row * t.Columns) + column, t.Columns, 1);

    private static Strided Turned(Strided t) => new(t.Pointer, t.Column, t.Row);

    private static void CheckLora(TensorView x, TensorView a, TensorView b, ReadOnlySpan<LoraGroup> groups, TensorView s, TensorView y)
    {
        Expect.Tensor(nameof(x), x, DType.F32, x.Rows, x.Columns);
        Expect.Tensor(nameof(y), y, DType.F32, x.Rows, y.Columns);
        Expect.Tensor(nameof(a), a, DType.F32, a.Rows, x.Columns);
        Expect.Tensor(nameof(b), b, DType.F32, a.Rows, y.Columns);
        Expect.Tensor(nameof(s), s, DType.F32, x.Rows, s.Columns);
        Expect.Groups(groups, x.Rows, a.Rows, s.Columns);
    }
}
