namespace NativeFl.Tensors.Cpu.Gemm;

/// <summary>
/// One call of the adapter stack, cut into items that any thread may compute: runs of rows for S and y (or dS and dx), runs of
/// columns for dA and dB. Groups over exactly the same rows, one after the other, are a chain, which an item runs through for its rows; other
/// groups that touch the same rows (or ranks) are taken one after the other. With the layer's own W beside them,
/// an item computes its rows of y (or dx) whole: x (or dy) is packed once for both products, and y is still in the second-level cache
/// when the adapter adds to it.
/// </summary>
internal unsafe struct LoraCall
{
    /// <summary>The fewest rows of an item: below, bringing A into order costs more than it saves.</summary>
    public const int LeastRows = 48;

    /// <summary>Columns of dA or dB of an item.</summary>
    private const int ColumnRun = 256;

    private LoraGroup* _groups;
    private int _rowRun;

    /// <summary>x (N, in); Y is y, or dy in the backward (N, out).</summary>
    public TensorView X, Y;

    /// <summary>A (R, in), B (R, out).</summary>
    public TensorView A, B;

    /// <summary>S and dS (N, columns).</summary>
    public TensorView S, DS;

    /// <summary>The gradients, each empty where it is not wanted.</summary>
    public TensorView DA, DB, DX;

    /// <summary>The layer's own weights, or empty: then y (or dx) is only added to.</summary>
    public PackedMatrix W;

    /// <summary>The layer's bias (out), or empty.</summary>
    public TensorView Bias;

    /// <summary>Whether dx is added to rather than overwritten by dy W.</summary>
    public bool Accumulate;

    /// <summary>The handle of the threads' multipliers.</summary>
    public nint Multipliers;

    /// <summary>Groups taken.</summary>
    public int Count { get; private set; }

    /// <summary>Items of each group taken.</summary>
    public int Parts { get; private set; }

    /// <summary>Floating-point operations of what was taken.</summary>
    public long Operations { get; private set; }

    /// <summary>Takes as many of the next groups as have rows of their own, cut by rows into about <paramref name="wanted"/> items.</summary>
    public void TakeByRows(LoraGroup* groups, int count, int wanted)
    {
        int taken = 0, end = 0, most = 0;
        long rows = 0, cells = 0;
        for (; taken < count; taken++)
        {
            LoraGroup g = groups[taken];
            if (g.RowCount == 0) continue;
            if (!IsSkipped(g)) cells += (long)g.RowCount * g.RankCount;
            if (IsChained(groups, taken)) continue;
            if (g.RowStart < end) break;
            end = g.RowStart + g.RowCount;
            most = Math.Max(most, g.RowCount);
            rows += g.RowCount;
        }
        _groups = groups;
        Count = taken;
        _rowRun = (int)Math.Clamp(rows / wanted, LeastRows, Multiplier.MaxRows);
        Parts = (most + _rowRun - 1) / _rowRun;
        Operations = (2 * cells * (A.Columns + B.Columns)) + (2 * rows * W.In * W.Out);
    }

    /// <summary>Takes as many of the next groups as have ranks of their own, cut by columns of dB, then of dA.</summary>
    public void TakeByRanks(LoraGroup* groups, int count)
    {
        int taken = 0, end = 0;
        long cells = 0;
        for (; taken < count; taken++)
        {
            LoraGroup g = groups[taken];
            if (IsSkipped(g)) continue;
            if (g.RankStart < end) break;
            end = g.RankStart + g.RankCount;
            cells += (long)g.RowCount * g.RankCount;
        }
        _groups = groups;
        Count = taken;
        Parts = Runs(DB) + Runs(DA);
        Operations = 2 * cells * ((DB.IsEmpty ? 0 : DB.Columns) + (DA.IsEmpty ? 0 : DA.Columns));
    }

    /// <summary>S = x Aᵀ; y += scaling · S B, after y = x Wᵀ + bias if there is a W.</summary>
    public readonly void Forward(int item, Multiplier multiplier)
    {
        if (!Rows(item, out int index, out int row, out int count)) return;
        do
        {
            Forward(_groups[index] with { RowStart = row, RowCount = count }, multiplier);
        }
        while (++index < Count && IsChained(_groups, index));
    }

    /// <summary>dS = dy Bᵀ; dx += scaling · dS A, after dx = (or +=) dy W if there is a W.</summary>
    public readonly void BackwardRows(int item, Multiplier multiplier)
    {
        if (!Rows(item, out int index, out int row, out int count)) return;
        do
        {
            BackwardRows(_groups[index] with { RowStart = row, RowCount = count }, multiplier);
        }
        while (++index < Count && IsChained(_groups, index));
    }

    private readonly void Forward(LoraGroup g, Multiplier multiplier)
    {
        if (IsSkipped(g) && W.IsEmpty) return;
        Operand s = Operand.Of(S, g.RowStart, g.Column);
        var shrink = new Product(Operand.Of(X, g.RowStart), Operand.Of(A, g.RankStart).Turned, s)
        {
            M = g.RowCount,
            N = g.RankCount,
            K = A.Columns,
        };
        var expand = new Product(s, Operand.Of(B, g.RankStart), Operand.Of(Y, g.RowStart))
        {
            Scale = g.Scaling,
            Accumulate = true,
            M = g.RowCount,
            N = B.Columns,
            K = g.RankCount,
        };
        var linear = new Product(Operand.Of(X, g.RowStart), W, turned: false, Operand.Of(Y, g.RowStart))
        {
            Bias = (float*)Bias.Pointer,
            M = g.RowCount,
            N = W.Out,
            K = W.In,
        };
        Run(multiplier, IsSkipped(g), &linear, &shrink, &expand);
    }

    private readonly void BackwardRows(LoraGroup g, Multiplier multiplier)
    {
        if (IsSkipped(g) && W.IsEmpty) return;
        Operand ds = Operand.Of(DS, g.RowStart, g.Column);
        var shrink = new Product(Operand.Of(Y, g.RowStart), Operand.Of(B, g.RankStart).Turned, ds)
        {
            M = g.RowCount,
            N = g.RankCount,
            K = B.Columns,
        };
        if (DX.IsEmpty)
        {
            multiplier.Run(&shrink);
            return;
        }
        var expand = new Product(ds, Operand.Of(A, g.RankStart), Operand.Of(DX, g.RowStart))
        {
            Scale = g.Scaling,
            Accumulate = true,
            M = g.RowCount,
            N = A.Columns,
            K = g.RankCount,
        };
        var linear = new Product(Operand.Of(Y, g.RowStart), W, turned: true, Operand.Of(DX, g.RowStart))
        {
            Accumulate = Accumulate,
            M = g.RowCount,
            N = W.In,
            K = W.Out,
        };
        Run(multiplier, IsSkipped(g), &linear, &shrink, &expand);
    }

    /// <summary>dB += scaling · Sᵀ dy; dA += scaling · dSᵀ x.</summary>
    public readonly void BackwardRanks(int item, Multiplier multiplier)
    {
        LoraGroup g = _groups[item / Parts];
        if (IsSkipped(g)) return;
        int run = item % Parts;
        bool isB = run < Runs(DB);
        TensorView gradient = isB ? DB : DA;
        int column = (isB ? run : run - Runs(DB)) * ColumnRun;
        var product = new Product(
            Operand.Of(isB ? S : DS, g.RowStart, g.Column).Turned,
            Operand.Of(isB ? Y : X, g.RowStart, column),
            Operand.Of(gradient, g.RankStart, column))
        {
            Scale = g.Scaling,
            Accumulate = true,
            M = g.RankCount,
            N = Math.Min(ColumnRun, gradient.Columns - column),
            K = g.RowCount,
        };
        multiplier.Run(&product);
    }

    private readonly void Run(Multiplier multiplier, bool isSkipped, Product* linear, Product* shrink, Product* expand)
    {
        if (W.IsEmpty) multiplier.Run(shrink);
        else if (isSkipped) multiplier.Run(linear);
        else multiplier.Run(linear, shrink);
        if (!isSkipped) multiplier.Run(expand);
    }

    private static bool IsSkipped(LoraGroup g) => g.RowCount == 0 || g.RankCount == 0 || g.Scaling == 0;

    private static int Runs(TensorView gradient) => gradient.IsEmpty ? 0 : (gradient.Columns + ColumnRun - 1) / ColumnRun;

    /// <summary>Whether a group, which is not the first, is over the rows of the one before it; never where there is a W, which comes once.</summary>
    private readonly bool IsChained(LoraGroup* groups, int i) =>
        W.IsEmpty && i > 0 && groups[i].RowStart == groups[i - 1].RowStart && groups[i].RowCount == groups[i - 1].RowCount;

    /// <summary>The first group of an item's chain, and the item's rows of it; false where there is nothing to do.</summary>
    private readonly bool Rows(int item, out int index, out int row, out int count)
    {
        index = item / Parts;
        int start = item % Parts * _rowRun;
        (row, count) = (_groups[index].RowStart + start, Math.Min(_rowRun, _groups[index].RowCount - start));
        return count > 0 && !IsChained(_groups, index);
    }
}
