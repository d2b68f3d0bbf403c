using System.Runtime.InteropServices;

namespace NativeFl.Cuda.Interop;

/// <summary>cublasLtMatmulHeuristicResult_t: an algorithm for one product, and the scratch that it needs.</summary>
[StructLayout(LayoutKind.Sequential)]
internal readonly struct MatmulHeuristic
{
    public readonly MatmulAlgorithm Algorithm;
    public readonly nuint WorkspaceBytes;
    public readonly int State;
    public readonly float WavesCount;
    public readonly Reserved Rest;

    /// <summary>Four integers that the header keeps for later.</summary>
    [System.Runtime.CompilerServices.InlineArray(4)]
    internal struct Reserved
    {
        private int _first;
    }
}
