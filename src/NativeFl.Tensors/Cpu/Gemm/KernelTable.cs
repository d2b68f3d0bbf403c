using System.Runtime.Intrinsics.X86;

namespace NativeFl.Tensors.Cpu.Gemm;

/// <summary>The micro-kernels of one instruction set: one for each number of rows, by a panel of columns or half of one.</summary>
internal sealed unsafe class KernelTable
{
    private readonly delegate*<GemmTile*, void>[] _full;
    private readonly delegate*<GemmTile*, void>[] _half;
    private readonly delegate*<GemmTile*, void>[] _narrow;

    private KernelTable(
        string name, int width, delegate*<GemmTile*, void>[] full, delegate*<GemmTile*, void>[] half, delegate*<GemmTile*, void>[] narrow)
    {
        Name = name;
        Width = width;
        _full = full;
        _half = half;
        _narrow = narrow;
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

    /// <summary>The kernel for 1 to <see cref="Rows"/> rows and a panel of bf16.</summary>
    public delegate*<GemmTile*, void> Narrow(int rows) => _narrow[rows - 1];

    private static KernelTable Wide() => new(
        "AVX-512",
        32,
        [
            &Kernels512.Multiply<One, Two, Four>, &Kernels512.Multiply<Two, Two, Four>,
            &Kernels512.Multiply<Three, Two, Four>, &Kernels512.Multiply<Four, Two, Four>,
            &Kernels512.Multiply<Five, Two, Four>, &Kernels512.Multiply<Six, Two, Four>,
            &Kernels512.Multiply<Seven, Two, Four>, &Kernels512.Multiply<Eight, Two, Four>,
            &Kernels512.Multiply<Nine, Two, Four>, &Kernels512.Multiply<Ten, Two, Four>,
            &Kernels512.Multiply<Eleven, Two, Four>, &Kernels512.Multiply<Twelve, Two, Four>,
        ],
        [
            &Kernels512.Multiply<One, One, Four>, &Kernels512.Multiply<Two, One, Four>,
            &Kernels512.Multiply<Three, One, Four>, &Kernels512.Multiply<Four, One, Four>,
            &Kernels512.Multiply<Five, One, Four>, &Kernels512.Multiply<Six, One, Four>,
            &Kernels512.Multiply<Seven, One, Four>, &Kernels512.Multiply<Eight, One, Four>,
            &Kernels512.Multiply<Nine, One, Four>, &Kernels512.Multiply<Ten, One, Four>,
            &Kernels512.Multiply<Eleven, One, Four>, &Kernels512.Multiply<Twelve, One, Four>,
        ],
        [
            &Kernels512.Multiply<One, Two, Two>, &Kernels512.Multiply<Two, Two, Two>,
            &Kernels512.Multiply<Three, Two, Two>, &Kernels512.Multiply<Four, Two, Two>,
            &Kernels512.Multiply<Five, Two, Two>, &Kernels512.Multiply<Six, Two, Two>,
            &Kernels512.Multiply<Seven, Two, Two>, &Kernels512.Multiply<Eight, Two, Two>,
            &Kernels512.Multiply<Nine, Two, Two>, &Kernels512.Multiply<Ten, Two, Two>,
            &Kernels512.Multiply<Eleven, Two, Two>, &Kernels512.Multiply<Twelve, Two, Two>,
        ]);

    private static KernelTable Medium() => new(
        "AVX2",
        16,
        [
            &Kernels256.Multiply<One, Two, Four>, &Kernels256.Multiply<Two, Two, Four>,
            &Kernels256.Multiply<Three, Two, Four>, &Kernels256.Multiply<Four, Two, Four>,
            &Kernels256.Multiply<Five, Two, Four>, &Kernels256.Multiply<Six, Two, Four>,
        ],
        [
            &Kernels256.Multiply<One, One, Four>, &Kernels256.Multiply<Two, One, Four>,
            &Kernels256.Multiply<Three, One, Four>, &Kernels256.Multiply<Four, One, Four>,
            &Kernels256.Multiply<Five, One, Four>, &Kernels256.Multiply<Six, One, Four>,
        ],
        [
            &Kernels256.Multiply<One, Two, Two>, &Kernels256.Multiply<Two, Two, Two>,
            &Kernels256.Multiply<Three, Two, Two>, &Kernels256.Multiply<Four, Two, Two>,
            &Kernels256.Multiply<Five, Two, Two>, &Kernels256.Multiply<Six, Two, Two>,
        ]);

    private static KernelTable Portable() => new(
        "portable",
        16,
        [
            &Kernels128.Multiply<One, Four, Four>, &Kernels128.Multiply<Two, Four, Four>,
            &Kernels128.Multiply<Three, Four, Four>, &Kernels128.Multiply<Four, Four, Four>,
            &Kernels128.Multiply<Five, Four, Four>, &Kernels128.Multiply<Six, Four, Four>,
        ],
        [
            &Kernels128.Multiply<One, Two, Four>, &Kernels128.Multiply<Two, Two, Four>,
            &Kernels128.Multiply<Three, Two, Four>, &Kernels128.Multiply<Four, Two, Four>,
            &Kernels128.Multiply<Five, Two, Four>, &Kernels128.Multiply<Six, Two, Four>,
        ],
        [
            &Kernels128.Multiply<One, Four, Two>, &Kernels128.Multiply<Two, Four, Two>,
            &Kernels128.Multiply<Three, Four, Two>, &Kernels128.Multiply<Four, Four, Two>,
            &Kernels128.Multiply<Five, Four, Two>, &Kernels128.Multiply<Six, Four, Two>,
        ]);
}
