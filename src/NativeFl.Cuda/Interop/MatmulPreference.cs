namespace NativeFl.Cuda.Interop;

/// <summary>What an algorithm of cuBLASLt may use and assume.</summary>
internal sealed unsafe class MatmulPreference : NativeHandle
{
    private const int MaxWorkspaceBytes = 1, ReductionSchemes = 3, AlignmentA = 5, AlignmentB = 6, AlignmentC = 7, AlignmentD = 8;

    // Parts of a split product are summed in f32 in a fixed order: neither in the output's type nor as they come.
    private const uint ReduceInComputeType = 2;

    private MatmulPreference(nint value, HandleCount count)
        : base(value, count)
    {
    }

    public static MatmulPreference Create(long workspaceBytes, int alignmentA, int alignmentB, int alignmentC, HandleCount count)
    {
        nint value;
        Status.CheckBlas(CublasLt.cublasLtMatmulPreferenceCreate(&value), "cublasLtMatmulPreferenceCreate");
        var preference = new MatmulPreference(value, count);
        try
        {
            preference.Set(MaxWorkspaceBytes, (ulong)workspaceBytes);
            preference.Set(ReductionSchemes, ReduceInComputeType);
            preference.Set(AlignmentA, (uint)alignmentA);
            preference.Set(AlignmentB, (uint)alignmentB);
            preference.Set(AlignmentC, (uint)alignmentC);
            preference.Set(AlignmentD, (uint)alignmentC);
            return preference;
        }
        catch (CudaException)
        {
            preference.Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    protected override int Destroy() => CublasLt.cublasLtMatmulPreferenceDestroy(handle);

    private void Set<T>(int attribute, T number)
        where T : unmanaged =>
        Status.CheckBlas(CublasLt.cublasLtMatmulPreferenceSetAttribute(handle, attribute, &number, (nuint)sizeof(T)), "cublasLtMatmulPreferenceSetAttribute");
}
