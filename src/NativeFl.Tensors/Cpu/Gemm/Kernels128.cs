using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace NativeFl.Tensors.Cpu.Gemm;

/// <summary>
/// Portable micro-kernels: up to 6 rows by 16 columns in vectors of four, 24 accumulators of NEON's 32 registers. The multiply-add
/// is fused where the hardware has it.
/// </summary>
internal static unsafe class Kernels128
{
    /// <summary>Runs one tile of TRows rows by TVectors vectors of columns; b is f32 (four bytes) or bf16 (two).</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Multiply<TRows, TVectors, TBytes>(GemmTile* t)
        where TRows : IConstant
        where TVectors : IConstant
        where TBytes : IConstant
    {
        Vector128<float> c00 = default, c01 = default, c02 = default, c03 = default;
        Vector128<float> c10 = default, c11 = default, c12 = default, c13 = default;
        Vector128<float> c20 = default, c21 = default, c22 = default, c23 = default;
        Vector128<float> c30 = default, c31 = default, c32 = default, c33 = default;
        Vector128<float> c40 = default, c41 = default, c42 = default, c43 = default;
        Vector128<float> c50 = default, c51 = default, c52 = default, c53 = default;
        float* a = t->A;
        byte* b = (byte*)t->B;
        nint bStep = t->BStep * TBytes.Value;
        for (nint k = t->K; k > 0; k--)
        {
            Vector128<float> b0 = Load<TBytes>(b), b1 = Load<TBytes>(b + (4 * TBytes.Value));
            Vector128<float> b2 = TVectors.Value > 2 ? Load<TBytes>(b + (8 * TBytes.Value)) : default;
            Vector128<float> b3 = TVectors.Value > 2 ? Load<TBytes>(b + (12 * TBytes.Value)) : default;
            Add<TVectors>(a, b0, b1, b2, b3, ref c00, ref c01, ref c02, ref c03);
            if (TRows.Value > 1) Add<TVectors>(a + 1, b0, b1, b2, b3, ref c10, ref c11, ref c12, ref c13);
            if (TRows.Value > 2) Add<TVectors>(a + 2, b0, b1, b2, b3, ref c20, ref c21, ref c22, ref c23);
            if (TRows.Value > 3) Add<TVectors>(a + 3, b0, b1, b2, b3, ref c30, ref c31, ref c32, ref c33);
            if (TRows.Value > 4) Add<TVectors>(a + 4, b0, b1, b2, b3, ref c40, ref c41, ref c42, ref c43);
            if (TRows.Value > 5) Add<TVectors>(a + 5, b0, b1, b2, b3, ref c50, ref c51, ref c52, ref c53);
            a += TRows.Value;
            b += bStep;
        }
        float* c = t->C;
        nint cStep = t->CStep;
        bool add = t->Accumulate;
        Put<TVectors>(c, add, c00, c01, c02, c03);
        if (TRows.Value > 1) Put<TVectors>(c + cStep, add, c10, c11, c12, c13);
        if (TRows.Value > 2) Put<TVectors>(c + (2 * cStep), add, c20, c21, c22, c23);
        if (TRows.Value > 3) Put<TVectors>(c + (3 * cStep), add, c30, c31, c32, c33);
        if (TRows.Value > 4) Put<TVectors>(c + (4 * cStep), add, c40, c41, c42, c43);
        if (TRows.Value > 5) Put<TVectors>(c + (5 * cStep), add, c50, c51, c52, c53);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<float> Load<TBytes>(byte* b)
        where TBytes : IConstant => TBytes.Value == 4
            ? Vector128.Load((float*)b)
            : (Vector128.WidenLower(Vector128.CreateScalarUnsafe(*(ulong*)b).AsUInt16()) << 16).AsSingle();

    /// <summary>c[v] += a b[v].</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Add<TVectors>(
        float* a, Vector128<float> b0, Vector128<float> b1, Vector128<float> b2, Vector128<float> b3,
        ref Vector128<float> c0, ref Vector128<float> c1, ref Vector128<float> c2, ref Vector128<float> c3)
        where TVectors : IConstant
    {
        Vector128<float> x = Vector128.Create(*a);
        c0 = Vector128.MultiplyAddEstimate(x, b0, c0);
        c1 = Vector128.MultiplyAddEstimate(x, b1, c1);
        if (TVectors.Value > 2) c2 = Vector128.MultiplyAddEstimate(x, b2, c2);
        if (TVectors.Value > 2) c3 = Vector128.MultiplyAddEstimate(x, b3, c3);
    }

    /// <summary>target = c, or target += c.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Put<TVectors>(
        float* target, bool add, Vector128<float> c0, Vector128<float> c1, Vector128<float> c2, Vector128<float> c3)
        where TVectors : IConstant
    {
        if (add)
        {
            c0 += Vector128.Load(target);
            c1 += Vector128.Load(target + 4);
            if (TVectors.Value > 2) c2 += Vector128.Load(target + 8);
            if (TVectors.Value > 2) c3 += Vector128.Load(target + 12);
        }
        c0.Store(target);
        c1.Store(target + 4);
        if (TVectors.Value > 2) c2.Store(target + 8);
        if (TVectors.Value > 2) c3.Store(target + 12);
    }
}
