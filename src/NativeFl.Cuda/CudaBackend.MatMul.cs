using System.Runtime.InteropServices;
using NativeFl.Cuda.Kernels;
using NativeFl.Cuda.Streams;
using NativeFl.Tensors;
using NativeFl.Tensors.Cpu;

namespace NativeFl.Cuda;

public sealed unsafe partial class CudaBackend
{
    private const int VectorBytes = 16;

    // The tile of kernels/gemm.cu.
    private const int GemmTile = 128;

    /// <inheritdoc/>
    public override void MatMul(TensorView a, bool transposeA, TensorView b, bool transposeB, bool accumulate, TensorView c)
    {
        int m = transposeA ? a.Columns : a.Rows, k = transposeA ? a.Rows : a.Columns;
        int n = transposeB ? b.Rows : b.Columns;
        Expect.Stored(nameof(a), a.DType);
        Expect.Stored(nameof(b), b.DType);
        TensorCheck.Is(a, a.DType, a.Rows, a.Columns);
        TensorCheck.Is(b, a.DType == DType.BF16 ? DType.BF16 : b.DType, transposeB ? n : k, transposeB ? k : n);
        TensorCheck.Is(c, b.DType == DType.BF16 ? c.DType : DType.F32, m, n);
        Expect.Stored(nameof(c), c.DType);
        var product = new MatrixProduct(a, transposeA, b, transposeB, default, accumulate, c);
        if (a.DType == b.DType) Multiply(product);
        else MultiplyRounded(product);
    }

    /// <summary>1 if the rows of a tensor can be read 16 bytes at a time.</summary>
    private static int Vectors(TensorView rows) => Vectors(rows.Pointer, rows.Columns, rows.DType);

    private static int Vectors(nint pointer, int columns, DType type) =>
        pointer % VectorBytes == 0 && (long)columns * type.Size() % VectorBytes == 0 ? 1 : 0;

    /// <summary>How many pieces of a size cover a count.</summary>
    private static int Pieces(int count, int size) => (int)(((long)count + size - 1) / size);

    /// <summary>The product of operands of one type, or of a linear layer whose weights b are of another.</summary>
    private void Multiply(in MatrixProduct product)
    {
        if (product.M == 0 || product.N == 0 || TryBlas(product)) return;
        string transposes = (product.TransposeA ? "t" : "n") + (product.TransposeB ? "t" : "n");
        (string types, int threads) = (product.A.DType, product.B.DType, product.C.DType) switch
        {
            (DType.F32, DType.F32, _) => ("f32", 256),
            (DType.F32, _, _) => ("f32_with_bf16", 256),
            (_, DType.F32, DType.F32) => ("bf16_with_f32_to_f32", 128),
            (_, DType.F32, _) => ("bf16_with_f32", 128),
            (_, _, DType.F32) => ("bf16_to_f32", 128),
            _ => ("bf16", 128),
        };
        string entry = $"gemm_{transposes}_{types}";
        Launch(
            "gemm", entry, new LaunchShape(Pieces(product.N, GemmTile), Pieces(product.M, GemmTile), 1, threads, DynamicShared.Of(entry)),
            new GemmArguments(
                product.A.Pointer, product.B.Pointer, product.Bias.Pointer, product.M, product.N, product.K, product.Accumulate ? 1 : 0,
                Vectors(product.A), Vectors(product.B), Vectors(product.C), product.C.Pointer));
    }

    // cuBLASLt's bias wants the type of c, so c begins as the bias. Where c has something to keep, that would round it twice.
    private bool TryBlas(in MatrixProduct product)
    {
        (_, bool transposeA, _, bool transposeB, TensorView bias, bool accumulate, TensorView c) = product;
        if (bias.IsEmpty) return TryBlasProduct(product.A, transposeA, product.B, transposeB, accumulate, c);
        if (accumulate || _blas is null || product.A.DType != product.B.DType) return false;
        Launch("gemm", Typed("gemm_bias", c.DType), new LaunchShape(c.Rows, 1, 1, 256), new GemmBiasArguments(bias.Pointer, c.Columns, c.Pointer));
        return TryBlasProduct(product.A, transposeA, product.B, transposeB, true, c);
    }

    /// <summary>The product of an f32 a with a bf16 b: runs of a's rows are rounded to bf16 in the workspace.</summary>
    private void MultiplyRounded(in MatrixProduct product)
    {
        TensorView a = product.A;
        if (a.Count == 0)
        {
            Multiply(product with { A = new TensorView(a.Pointer, a.Shape, DType.BF16) });
            return;
        }
        int run = (int)Math.Clamp(WorkspaceBytes / sizeof(ushort) / a.Columns, 1, a.Rows);
        // A run of a transposed a is a run of the sum, whose part of b must lie together.
        if (product.TransposeA && product.TransposeB) run = a.Rows;
        nint workspace = Workspace((long)run * a.Columns * sizeof(ushort));
        for (int row = 0; row < a.Rows; row += run)
        {
            int rows = Math.Min(run, a.Rows - row);
            var rounded = new TensorView(workspace, new Shape(rows, a.Columns), DType.BF16);
            Copy(a.Slice(row, rows), rounded);
            Multiply(product.TransposeA
                ? product with { A = rounded, B = rows == a.Rows ? product.B : product.B.Slice(row, rows), Accumulate = product.Accumulate || row > 0 }
                : product with { A = rounded, C = product.C.Slice(row, rows) });
        }
    }

    [StructLayout(LayoutKind.Sequential)]
    private readonly record struct GemmArguments(
        nint A, nint B, nint Bias, int M, int N, int K, int Accumulate, int AVectors, int BVectors, int CVectors, nint C);

    [StructLayout(LayoutKind.Sequential)]
    private readonly record struct GemmBiasArguments(nint Bias, int N, nint C);
}
