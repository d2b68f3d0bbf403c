namespace NativeFl.Tensors.Cpu;

/// <summary>What the backward of attention reads and writes besides q, k and v.</summary>
internal readonly unsafe struct AttentionGradients(
    TensorView dO, TensorView lse, TensorView delta, TensorView dq, TensorView dk, TensorView dv)
{
    public readonly float* DO = (float*)dO.Pointer;       // (N, H, D)
    public readonly float* Lse = (float*)lse.Pointer;     // (N, H)
    public readonly float* Delta = (float*)delta.Pointer; // (N, H)
    public readonly float* DQ = (float*)dq.Pointer;       // (N, H, D)
    public readonly float* DK = (float*)dk.Pointer;       // (M, Hkv, D)
    public readonly float* DV = (float*)dv.Pointer;       // (M, Hkv, D)
}
