using System.Runtime.CompilerServices;

namespace NativeFl.Cuda.Interop;

/// <summary>cublasLtMatmulAlgo_t: 64 bytes that only cuBLASLt reads.</summary>
[InlineArray(8)]
internal struct MatmulAlgorithm
{
    private ulong _first;
}
