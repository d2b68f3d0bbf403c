using System.Runtime.InteropServices;

namespace NativeFl.Cuda.Interop;

/// <summary>What an algorithm of cuBLASLt may use and assume.</summary>
internal sealed unsafe class MatmulPreference : SafeHandle
{
    private const int MaxWorkspaceBytes = 1, ReductionSchemes = 3, AlignmentA = 5, AlignmentB = 6, AlignmentC = 7, AlignmentD = 8;

    // Parts of a split product are summed in f32 in a fixed order: neither in the output's type nor as they come.
    private const uint ReduceInComputeType = 2;

    private readonly HandleCount _count;

    private MatmulPreference(nint value, HandleCount count)
        : base(0, ownsHandle: true)
    {
        SetHandle(value);
        _count = count;
        count.Add();
    }

    /// <summary>The native value.</summary>
    public nint Value => handle;

    /// <inheritdoc/>
    public override bool IsInvalid => handle == 0;

    public static MatmulPreference Create(long workspaceBytes, int alignmentA, int alignmentB, int alignmentC, HandleCount count)
    {
        nint value;
        Status.CheckBlas(CublasLt.cublasLtMatmulPreferenceCreate(&value), "cublasLtMatmulPreferenceCreate");
        var preference = new MatmulPreference(value, count);
        preference.Set(MaxWorkspaceBytes, (ulong)workspaceBytes);
        preference.Set(ReductionSchemes, ReduceInComputeType);
        preference.Set(AlignmentA, (uint)alignmentA);
        preference.Set(AlignmentB, (uint)alignmentB);
        preference.Set(AlignmentC, (uint)alignmentC);
        preference.Set(AlignmentD, (uint)alignmentC);
        return preference;
    }

    /// <inheritdoc/>
    protected override bool ReleaseHandle()
    {
        _count.Remove();
        return CublasLt.cublasLtMatmulPreferenceDestroy(handle) == 0;
    }

    private void Set<T>(int attribute, T number)
        where T : unmanaged =>
        Status.CheckBlas(CublasLt.cublasLtMatmulPreferenceSetAttribute(handle, attribute, &number, (nuint)sizeof(T)), "cublasLtMatmulPreferenceSetAttribute");
}
