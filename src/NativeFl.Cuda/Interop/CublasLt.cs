using System.Runtime.InteropServices;

namespace NativeFl.Cuda.Interop;

/// <summary>cuBLASLt, as far as NativeFl uses it. Names and arguments are those of cublasLt.h.</summary>
internal static unsafe partial class CublasLt
{
    private const string Library = NativeLibraries.Blas;

    /// <summary>All of them: what a library must have.</summary>
    public static IReadOnlyList<string> Functions { get; } =
    [
        nameof(cublasLtGetVersion), nameof(cublasLtCreate), nameof(cublasLtDestroy), nameof(cublasLtMatmulDescCreate),
        nameof(cublasLtMatmulDescSetAttribute), nameof(cublasLtMatmulDescDestroy), nameof(cublasLtMatrixLayoutCreate),
        nameof(cublasLtMatrixLayoutDestroy), nameof(cublasLtMatmulPreferenceCreate), nameof(cublasLtMatmulPreferenceSetAttribute),
        nameof(cublasLtMatmulPreferenceDestroy), nameof(cublasLtMatmulAlgoGetHeuristic), nameof(cublasLtMatmul),
    ];

    [LibraryImport(Library)]
    public static partial nuint cublasLtGetVersion();

    [LibraryImport(Library)]
    public static partial int cublasLtCreate(nint* handle);

    [LibraryImport(Library)]
    public static partial int cublasLtDestroy(nint handle);

    [LibraryImport(Library)]
    public static partial int cublasLtMatmulDescCreate(nint* description, int computeType, int scaleType);

    [LibraryImport(Library)]
    public static partial int cublasLtMatmulDescSetAttribute(nint description, int attribute, void* value, nuint bytes);

    [LibraryImport(Library)]
    public static partial int cublasLtMatmulDescDestroy(nint description);

    [LibraryImport(Library)]
    public static partial int cublasLtMatrixLayoutCreate(nint* layout, int type, ulong rows, ulong columns, long leadingDimension);

    [LibraryImport(Library)]
    public static partial int cublasLtMatrixLayoutDestroy(nint layout);

    [LibraryImport(Library)]
    public static partial int cublasLtMatmulPreferenceCreate(nint* preference);

    [LibraryImport(Library)]
    public static partial int cublasLtMatmulPreferenceSetAttribute(nint preference, int attribute, void* value, nuint bytes);

    [LibraryImport(Library)]
    public static partial int cublasLtMatmulPreferenceDestroy(nint preference);

    [LibraryImport(Library)]
    public static partial int cublasLtMatmulAlgoGetHeuristic(
        nint handle, nint description, nint a, nint b, nint c, nint d, nint preference, int requested, MatmulHeuristic* results, int* returned);

    [LibraryImport(Library)]
    public static partial int cublasLtMatmul(
        nint handle, nint description, float* alpha, nint a, nint aLayout, nint b, nint bLayout, float* beta, nint c, nint cLayout, nint d, nint dLayout,
        MatmulAlgorithm* algorithm, nint workspace, nuint workspaceBytes, nint stream);
}
