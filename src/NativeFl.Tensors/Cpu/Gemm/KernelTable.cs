using System.Runtime.Intrinsics.X86;

namespace NativeFl.Tensors.Cpu.Gemm;

/// <summary>The micro-kernels of one instruction set: one for each number of rows, by a full or half panel of columns.</summary>
internal sealed unsafe class KernelTable
{
    private readonly delegate*<GemmTile*, void>[] _full;
    private readonly delegate*<GemmTile*, void>[] _half;

    private KernelTable(string name, int width, delegate*<GemmTile*, void>[] full, delegate*<GemmTile*, void>[] half)
    {
        Name = name;
        Width = width;
        _full = full;
        _half = half;
    }

    /// <summary>The instruction set.</summary>
    public string Name { get; }

    /// <summary>Columns of a panel.</summary>
    public int Width { get; }

    /// <summary>The most rows of a kernel.</summary>
    public int Rows => _full.Length;

    /// <summary>The widest kernels that this processor has and <paramref name="maxVectorBits"/> allows.</summary>
    public static KernelTable Choose(int maxVectorBits)
    {
        if (Avx512F.IsSupported && maxVectorBits >= 512) return Wide();
        if (Avx2.IsSupported && Fma.IsSupported && maxVectorBits >= 256) return Medium();
        return Portable();
    }

    /// <summary>The kernel for 1 to <see cref="Rows"/> rows; half a panel of columns or all of it.</summary>
    public delegate*<GemmTile*, void> this[int rows, bool half] => half ? _half[rows - 1] : _full[rows - 1];

    private static KernelTable Wide() => new(
        "AVX-512",
        32,
        [
            &Kernels512.Multiply<One, Two>, &Kernels512.Multiply<Two, Two>, &Kernels512.Multiply<Three, Two>,
            &Kernels512.Multiply<Four, Two>, &Kernels512.Multiply<Five, Two>, &Kernels512.Multiply<Six, Two>,
            &Kernels512.Multiply<Seven, Two>, &Kernels512.Multiply<Eight, Two>, &Kernels512.Multiply<Nine, Two>,
            &Kernels512.Multiply<Ten, Two>, &Kernels512.Multiply<Eleven, Two>, &Kernels512.Multiply<Twelve, Two>,
        ],
        [
            &Kernels512.Multiply<One, One>, &Kernels512.Multiply<Two, One>, &Kernels512.Multiply<Three, One>,
            &Kernels512.Multiply<Four, One>, &Kernels512.Multiply<Five, One>, &Kernels512.Multiply<Six, One>,
            &Kernels512.Multiply<Seven, One>, &Kernels512.Multiply<Eight, One>, &Kernels512.Multiply<Nine, One>,
            &Kernels512.Multiply<Ten, One>, &Kernels512.Multiply<Eleven, One>, &Kernels512.Multiply<Twelve, One>,
        ]);

    private static KernelTable Medium() => new(
        "AVX2",
        16,
        [
            &Kernels256.Multiply<One, Two>, &Kernels256.Multiply<Two, Two>, &Kernels256.Multiply<Three, Two>,
            &Kernels256.Multiply<Four, Two>, &Kernels256.Multiply<Five, Two>, &Kernels256.Multiply<Six, Two>,
        ],
        [
            &Kernels256.Multiply<One, One>, &Kernels256.Multiply<Two, One>, &Kernels256.Multiply<Three, One>,
            &Kernels256.Multiply<Four, One>, &Kernels256.Multiply<Five, One>, &Kernels256.Multiply<Six, One>,
        ]);

    private static KernelTable Portable() => new(
        "portable",
        16,
        [
            &Kernels128.Multiply<One, Four>, &Kernels128.Multiply<Two, Four>, &Kernels128.Multiply<Three, Four>,
            &Kernels128.Multiply<Four, Four>, &Kernels128.Multiply<Five, Four>, &Kernels128.Multiply<Six, Four>,
        ],
        [
            &Kernels128.Multiply<One, Two>, &Kernels128.Multiply<Two, Two>, &Kernels128.Multiply<Three, Two>,
            &Kernels128.Multiply<Four, Two>, &Kernels128.Multiply<Five, Two>, &Kernels128.Multiply<Six, Two>,
        ]);
}
