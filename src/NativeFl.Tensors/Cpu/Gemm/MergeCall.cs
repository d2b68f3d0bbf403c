using System.Runtime.Intrinsics;

namespace NativeFl.Tensors.Cpu.Gemm;

/// <summary>
/// W += Σ scaling · Bᵀ A, cut into pieces of W that any thread may compute. A piece of ΔW is summed in f32 over all groups, then
/// added to W with one rounding. In panels the lines of a piece are input features, in row-major W they are output features.
/// </summary>
internal unsafe struct MergeCall(PackedMatrix w, int width, nint multipliers)
{
    private const int RowMajorColumns = 512;

    /// <summary>A (R, in), B (R, out).</summary>
    public TensorView A, B;

    /// <summary>The groups; their rows are ignored.</summary>
    public LoraGroup* Groups;

    /// <summary>The number of groups.</summary>
    public int Count;

    /// <summary>The handle of the threads' multipliers.</summary>
    public readonly nint Multipliers => multipliers;

    /// <summary>The number of pieces.</summary>
    public readonly int Items => Pieces(Lines, LineRun) * Pieces(Across, AcrossRun);

    private readonly bool IsRowMajor => width == 1;

    private readonly int Lines => IsRowMajor ? w.Out : w.In;

    private readonly int Across => IsRowMajor ? w.In : w.Out;

    private readonly int AcrossRun => IsRowMajor ? RowMajorColumns : width;

    // Lines × columns of a piece fit the multiplier's spare scratch, which has MaxRows × 16 floats or more.
    private readonly int LineRun => IsRowMajor ? Multiplier.MaxRows * 16 / RowMajorColumns : Multiplier.MaxRows;

    /// <summary>Computes one piece.</summary>
    public readonly void Run(int item, Multiplier multiplier)
    {
        int pieces = Pieces(Lines, LineRun);
        int line = item % pieces * LineRun, column = item / pieces * AcrossRun;
        int lines = Math.Min(LineRun, Lines - line), columns = Math.Min(AcrossRun, Across - column);
        bool accumulate = false;
        for (int i = 0; i < Count; i++)
        {
            LoraGroup g = Groups[i];
            if (g.RankCount == 0 || g.Scaling == 0) continue;
            Operand left = Operand.Of(IsRowMajor ? B : A, g.RankStart, line), right = Operand.Of(IsRowMajor ? A : B, g.RankStart, column);
            var product = new Product(left.Turned, right, new Operand(multiplier.Spare, AcrossRun))
            {
                Scale = g.Scaling,
                Accumulate = accumulate,
                M = lines,
                N = columns,
                K = g.RankCount,
            };
            multiplier.Run(&product);
            accumulate = true;
        }
        if (!accumulate) return;
        long stride = IsRowMajor ? w.In : width;
        long offset = IsRowMajor ? ((long)line * w.In) + column : ((long)column * w.In) + ((long)line * width);
        for (int i = 0; i < lines; i++) Add(multiplier.Spare + ((nint)i * AcrossRun), offset + (i * stride), columns);
    }

    private static int Pieces(int count, int run) => (count + run - 1) / run;

    /// <summary>W[offset + i] += delta[i], rounded once.</summary>
    private readonly void Add(float* delta, long offset, int count)
    {
        int i = 0;
        if (w.DType == DType.F32)
        {
            float* to = (float*)w.Pointer + offset;
            for (; i + 8 <= count; i += 8) (Vector256.Load(to + i) + Vector256.Load(delta + i)).Store(to + i);
            for (; i < count; i++) to[i] += delta[i];
            return;
        }
        ushort* narrow = (ushort*)w.Pointer + offset;
        for (; i + 16 <= count; i += 16)
        {
            (Vector256<uint> low, Vector256<uint> high) = Vector256.Widen(Vector256.Load(narrow + i));
            ((low << 16).AsSingle() + Vector256.Load(delta + i)).Store(delta + i);
            ((high << 16).AsSingle() + Vector256.Load(delta + i + 8)).Store(delta + i + 8);
        }
        for (; i < count; i++) delta[i] += Bf16.Widen(narrow[i]);
        Packing.Round(delta, narrow, count);
    }
}
