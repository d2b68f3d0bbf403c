using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace NativeFl.Tensors.Cpu.Gemm;

/// <summary>
/// AVX2 micro-kernels: up to 6 rows by 16 columns, 12 accumulators of the 16 registers. Four k a turn:
/// one k is twenty instructions, and those of the loop would be four more.
/// </summary>
internal static unsafe class Kernels256
{
    /// <summary>Runs one tile of TRows rows by TVectors vectors of columns; b is f32 (four bytes) or bf16 (two).</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Multiply<TRows, TVectors, TBytes>(GemmTile* t)
        where TRows : IConstant
        where TVectors : IConstant
        where TBytes : IConstant
    {
        Vector256<float> c00 = default, c01 = default, c10 = default, c11 = default, c20 = default, c21 = default;
        Vector256<float> c30 = default, c31 = default, c40 = default, c41 = default, c50 = default, c51 = default;
        float* a = t->A;
        byte* b = (byte*)t->B;
        nint bStep = t->BStep * TBytes.Value, k = t->K;
        Prefetch<TRows>(t->C, t->CStep);
        for (; k >= 4; k -= 4)
        {
            Step<TRows, TVectors, TBytes>(a, b, ref c00, ref c01, ref c10, ref c11, ref c20, ref c21, ref c30, ref c31, ref c40, ref c41, ref c50, ref c51);
            a += TRows.Value;
            Step<TRows, TVectors, TBytes>(a, b + bStep, ref c00, ref c01, ref c10, ref c11, ref c20, ref c21, ref c30, ref c31, ref c40, ref c41, ref c50, ref c51);
            a += TRows.Value;
            b += 2 * bStep;
            Step<TRows, TVectors, TBytes>(a, b, ref c00, ref c01, ref c10, ref c11, ref c20, ref c21, ref c30, ref c31, ref c40, ref c41, ref c50, ref c51);
            a += TRows.Value;
            Step<TRows, TVectors, TBytes>(a, b + bStep, ref c00, ref c01, ref c10, ref c11, ref c20, ref c21, ref c30, ref c31, ref c40, ref c41, ref c50, ref c51);
            a += TRows.Value;
            b += 2 * bStep;
        }
        for (; k > 0; k--)
        {
            Step<TRows, TVectors, TBytes>(a, b, ref c00, ref c01, ref c10, ref c11, ref c20, ref c21, ref c30, ref c31, ref c40, ref c41, ref c50, ref c51);
            a += TRows.Value;
            b += bStep;
        }
        float* c = t->C;
        nint cStep = t->CStep;
        bool add = t->Accumulate;
        Put<TVectors>(c, add, c00, c01);
        if (TRows.Value > 1) Put<TVectors>(c + cStep, add, c10, c11);
        if (TRows.Value > 2) Put<TVectors>(c + (2 * cStep), add, c20, c21);
        if (TRows.Value > 3) Put<TVectors>(c + (3 * cStep), add, c30, c31);
        if (TRows.Value > 4) Put<TVectors>(c + (4 * cStep), add, c40, c41);
        if (TRows.Value > 5) Put<TVectors>(c + (5 * cStep), add, c50, c51);
    }

    /// <summary>Asks for the tile of c, which is wanted only after all of k: its rows are far apart, and nothing would foresee them.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Prefetch<TRows>(float* c, nint step)
        where TRows : IConstant
    {
        for (int row = 0; row < TRows.Value; row++, c += step) Sse.Prefetch0(c);
    }

    /// <summary>Adds the products of one k.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Step<TRows, TVectors, TBytes>(
        float* a, byte* b,
        ref Vector256<float> c00, ref Vector256<float> c01, ref Vector256<float> c10, ref Vector256<float> c11,
        ref Vector256<float> c20, ref Vector256<float> c21, ref Vector256<float> c30, ref Vector256<float> c31,
        ref Vector256<float> c40, ref Vector256<float> c41, ref Vector256<float> c50, ref Vector256<float> c51)
        where TRows : IConstant
        where TVectors : IConstant
        where TBytes : IConstant
    {
        Vector256<float> b0 = Load<TBytes>(b), b1 = TVectors.Value > 1 ? Load<TBytes>(b + (8 * TBytes.Value)) : default;
        Add<TVectors>(a, b0, b1, ref c00, ref c01);
        if (TRows.Value > 1) Add<TVectors>(a + 1, b0, b1, ref c10, ref c11);
        if (TRows.Value > 2) Add<TVectors>(a + 2, b0, b1, ref c20, ref c21);
        if (TRows.Value > 3) Add<TVectors>(a + 3, b0, b1, ref c30, ref c31);
        if (TRows.Value > 4) Add<TVectors>(a + 4, b0, b1, ref c40, ref c41);
        if (TRows.Value > 5) Add<TVectors>(a + 5, b0, b1, ref c50, ref c51);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<float> Load<TBytes>(byte* b)
        where TBytes : IConstant => TBytes.Value == 4
            ? Avx.LoadVector256((float*)b)
            : Avx2.ShiftLeftLogical(Avx2.ConvertToVector256Int32((ushort*)b), 16).AsSingle();

    /// <summary>c[v] += a b[v].</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Add<TVectors>(float* a, Vector256<float> b0, Vector256<float> b1, ref Vector256<float> c0, ref Vector256<float> c1)
        where TVectors : IConstant
    {
        Vector256<float> x = Avx.BroadcastScalarToVector256(a);
        c0 = Fma.MultiplyAdd(x, b0, c0);
        if (TVectors.Value > 1) c1 = Fma.MultiplyAdd(x, b1, c1);
    }

    /// <summary>target = c, or target += c.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Put<TVectors>(float* target, bool add, Vector256<float> c0, Vector256<float> c1)
        where TVectors : IConstant
    {
        if (add)
        {
            c0 = Avx.Add(c0, Avx.LoadVector256(target));
            if (TVectors.Value > 1) c1 = Avx.Add(c1, Avx.LoadVector256(target + 8));
        }
        Avx.Store(target, c0);
        if (TVectors.Value > 1) Avx.Store(target + 8, c1);
    }
}
