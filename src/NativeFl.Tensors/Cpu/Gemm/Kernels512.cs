using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace NativeFl.Tensors.Cpu.Gemm;

/// <summary>AVX-512 micro-kernels: up to 12 rows by 32 columns, 24 accumulators of the 32 registers.</summary>
internal static unsafe class Kernels512
{
    /// <summary>Runs one tile of TRows rows by TVectors vectors of columns; b is f32 (four bytes) or bf16 (two).</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Multiply<TRows, TVectors, TBytes>(GemmTile* t)
        where TRows : IConstant
        where TVectors : IConstant
        where TBytes : IConstant
    {
        Vector512<float> c00 = default, c01 = default, c10 = default, c11 = default, c20 = default, c21 = default;
        Vector512<float> c30 = default, c31 = default, c40 = default, c41 = default, c50 = default, c51 = default;
        Vector512<float> c60 = default, c61 = default, c70 = default, c71 = default, c80 = default, c81 = default;
        Vector512<float> c90 = default, c91 = default, cA0 = default, cA1 = default, cB0 = default, cB1 = default;
        float* a = t->A;
        byte* b = (byte*)t->B;
        nint bStep = t->BStep * TBytes.Value;
        Prefetch<TRows, TVectors>(t->C, t->CStep);
        for (nint k = t->K; k > 0; k--)
        {
            Vector512<float> b0 = Load<TBytes>(b), b1 = TVectors.Value > 1 ? Load<TBytes>(b + (16 * TBytes.Value)) : default;
            Add<TVectors>(a, b0, b1, ref c00, ref c01);
            if (TRows.Value > 1) Add<TVectors>(a + 1, b0, b1, ref c10, ref c11);
            if (TRows.Value > 2) Add<TVectors>(a + 2, b0, b1, ref c20, ref c21);
            if (TRows.Value > 3) Add<TVectors>(a + 3, b0, b1, ref c30, ref c31);
            if (TRows.Value > 4) Add<TVectors>(a + 4, b0, b1, ref c40, ref c41);
            if (TRows.Value > 5) Add<TVectors>(a + 5, b0, b1, ref c50, ref c51);
            if (TRows.Value > 6) Add<TVectors>(a + 6, b0, b1, ref c60, ref c61);
            if (TRows.Value > 7) Add<TVectors>(a + 7, b0, b1, ref c70, ref c71);
            if (TRows.Value > 8) Add<TVectors>(a + 8, b0, b1, ref c80, ref c81);
            if (TRows.Value > 9) Add<TVectors>(a + 9, b0, b1, ref c90, ref c91);
            if (TRows.Value > 10) Add<TVectors>(a + 10, b0, b1, ref cA0, ref cA1);
            if (TRows.Value > 11) Add<TVectors>(a + 11, b0, b1, ref cB0, ref cB1);
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
        if (TRows.Value > 6) Put<TVectors>(c + (6 * cStep), add, c60, c61);
        if (TRows.Value > 7) Put<TVectors>(c + (7 * cStep), add, c70, c71);
        if (TRows.Value > 8) Put<TVectors>(c + (8 * cStep), add, c80, c81);
        if (TRows.Value > 9) Put<TVectors>(c + (9 * cStep), add, c90, c91);
        if (TRows.Value > 10) Put<TVectors>(c + (10 * cStep), add, cA0, cA1);
        if (TRows.Value > 11) Put<TVectors>(c + (11 * cStep), add, cB0, cB1);
    }

    /// <summary>Asks for the tile of c, which is wanted only after all of k: its rows are far apart, and nothing would foresee them.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Prefetch<TRows, TVectors>(float* c, nint step)
        where TRows : IConstant
        where TVectors : IConstant
    {
        for (int row = 0; row < TRows.Value; row++, c += step)
        {
            Sse.Prefetch0(c);
            if (TVectors.Value > 1) Sse.Prefetch0(c + 16);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<float> Load<TBytes>(byte* b)
        where TBytes : IConstant => TBytes.Value == 4
            ? Avx512F.LoadVector512((float*)b)
            : Avx512F.ShiftLeftLogical(Avx512F.ConvertToVector512Int32(Avx.LoadVector256((ushort*)b)), 16).AsSingle();

    /// <summary>c[v] += a b[v].</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Add<TVectors>(float* a, Vector512<float> b0, Vector512<float> b1, ref Vector512<float> c0, ref Vector512<float> c1)
        where TVectors : IConstant
    {
        Vector512<float> x = Vector512.Create(*a);
        c0 = Avx512F.FusedMultiplyAdd(x, b0, c0);
        if (TVectors.Value > 1) c1 = Avx512F.FusedMultiplyAdd(x, b1, c1);
    }

    /// <summary>target = c, or target += c.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Put<TVectors>(float* target, bool add, Vector512<float> c0, Vector512<float> c1)
        where TVectors : IConstant
    {
        if (add)
        {
            c0 = Avx512F.Add(c0, Avx512F.LoadVector512(target));
            if (TVectors.Value > 1) c1 = Avx512F.Add(c1, Avx512F.LoadVector512(target + 16));
        }
        Avx512F.Store(target, c0);
        if (TVectors.Value > 1) Avx512F.Store(target + 16, c1);
    }
}
