namespace NativeFl.Cuda.Kernels;

/// <summary>Machine code of one compute capability.</summary>
/// <param name="Architecture">Compute capability, 90 for 9.0.</param>
/// <param name="IsExact">With the instructions that only this capability has ("sm_90a"), so that no other device ever runs it.</param>
internal sealed record KernelTarget(int Architecture, bool IsExact)
{
    /// <summary>What the compiler is told, and part of a cubin's name: "sm_90" or "sm_90a".</summary>
    public override string ToString() => $"sm_{Architecture}{(IsExact ? "a" : "")}";
}
