namespace NativeFl.Tensors.Cpu;

/// <summary>Whose dense matrix product the CPU backend calls.</summary>
public enum CpuBlas
{
    /// <summary>NativeFl's own.</summary>
    None,

    /// <summary>An installed OpenBLAS.</summary>
    OpenBlas,
}
