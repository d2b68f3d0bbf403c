using System.Runtime.InteropServices;
using NativeFl.Tensors.Cpu.Gemm;

namespace NativeFl.Tensors.Cpu;

/// <summary>
/// An installed OpenBLAS, called through function pointers because the library's file name is only known once one is found.
/// Weights are row-major; bf16 weights are widened a block of rows at a time.
/// </summary>
internal sealed unsafe class OpenBlas : IDisposable
{
    private const int RowMajor = 101, NoTranspose = 111, Transpose = 112;
    private const int WidenedRows = 256;

    private readonly delegate* unmanaged<int, int, int, int, int, int, float, float*, int, float*, int, float, float*, int, void> _sgemm;
    private float* _wide;

    private OpenBlas(nint sgemm) =>
        _sgemm = (delegate* unmanaged<int, int, int, int, int, int, float, float*, int, float*, int, float, float*, int, void>)sgemm;

    /// <summary>Bytes of widened weights.</summary>
    public long ScratchBytes { get; private set; }

    /// <summary>The names under which OpenBLAS is looked for, in order.</summary>
    public static IReadOnlyList<string> Names =>
        OperatingSystem.IsWindows() ? ["libopenblas.dll", "openblas.dll"]
        : OperatingSystem.IsMacOS() ? ["libopenblas.0.dylib", "libopenblas.dylib", "/opt/homebrew/opt/openblas/lib/libopenblas.dylib"]
        : ["libopenblas.so.0", "libopenblas.so"];

    /// <summary>Finds the library and sets its number of threads.</summary>
    /// <exception cref="RunFailedException">There is none.</exception>
    public static OpenBlas Load(int threads) => Load(threads, Names);

    /// <summary>As above, with the names to look for.</summary>
    public static OpenBlas Load(int threads, IReadOnlyList<string> names)
    {
        foreach (string name in names)
        {
            if (!NativeLibrary.TryLoad(name, out nint library)) continue;
            if (!NativeLibrary.TryGetExport(library, "cblas_sgemm", out nint sgemm))
                throw new RunFailedException($"--blas openblas: {name} has no cblas_sgemm");
            if (NativeLibrary.TryGetExport(library, "openblas_set_num_threads", out nint setThreads))
                ((delegate* unmanaged<int, void>)setThreads)(threads);
            return new OpenBlas(sgemm);
        }
        throw new RunFailedException($"--blas openblas: the library is not installed (looked for {string.Join(", ", names)})");
    }

    /// <summary>c = op(a) op(b), or c += that.</summary>
    public void Multiply(TensorView a, bool transposeA, TensorView b, bool transposeB, bool accumulate, TensorView c)
    {
        int k = transposeA ? a.Rows : a.Columns;
        if (c.Count == 0) return;
        if (k == 0)
        {
            if (!accumulate) c.AsSpan<float>().Clear();
            return;
        }
        _sgemm(
            RowMajor, transposeA ? Transpose : NoTranspose, transposeB ? Transpose : NoTranspose, c.Rows, c.Columns, k,
            1, (float*)a.Pointer, a.Columns, (float*)b.Pointer, b.Columns, accumulate ? 1 : 0, (float*)c.Pointer, c.Columns);
    }

    /// <summary>y = x Wᵀ, or y += that.</summary>
    public void LinearForward(TensorView x, PackedMatrix w, bool accumulate, TensorView y)
    {
        int step = Step(w);
        for (int row = 0; row < w.Out && x.Rows > 0; row += step)
        {
            int count = Math.Min(step, w.Out - row);
            float* rows = Rows(w, row, count);
            _sgemm(
                RowMajor, NoTranspose, Transpose, x.Rows, count, w.In,
                1, (float*)x.Pointer, w.In, rows, w.In, accumulate ? 1 : 0, (float*)y.Pointer + row, w.Out);
        }
    }

    /// <summary>dx = dy W, or dx += that.</summary>
    public void LinearBackward(TensorView dy, PackedMatrix w, bool accumulate, TensorView dx)
    {
        int step = Step(w);
        for (int row = 0; row < w.Out && dy.Rows > 0; row += step)
        {
            int count = Math.Min(step, w.Out - row);
            float* rows = Rows(w, row, count);
            _sgemm(
                RowMajor, NoTranspose, NoTranspose, dy.Rows, w.In, count,
                1, (float*)dy.Pointer + row, w.Out, rows, w.In, accumulate || row > 0 ? 1 : 0, (float*)dx.Pointer, w.In);
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        NativeMemory.AlignedFree(_wide);
        _wide = null;
        ScratchBytes = 0;
    }

    private static int Step(PackedMatrix w) => w.DType == DType.F32 ? w.Out : WidenedRows;

    /// <summary>Rows row .. row + count of W as f32.</summary>
    private float* Rows(PackedMatrix w, int row, int count)
    {
        if (w.DType == DType.F32) return (float*)w.Pointer;
        long bytes = (long)WidenedRows * w.In * sizeof(float);
        if (bytes > ScratchBytes)
        {
            _wide = (float*)NativeMemory.AlignedRealloc(_wide, (nuint)bytes, MemoryPlan.Alignment);
            ScratchBytes = bytes;
        }
        Packing.Widen((ushort*)w.Pointer + ((nint)row * w.In), _wide, (nint)count * w.In);
        return _wide;
    }
}
