namespace NativeFl.Tensors.Cpu.Gemm;

/// <summary>A number that the compiler knows: a kernel over it is compiled once for each value, and branches on it vanish.</summary>
internal interface IConstant
{
    /// <summary>The number.</summary>
    static abstract int Value { get; }
}
