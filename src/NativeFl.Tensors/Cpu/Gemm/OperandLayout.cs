namespace NativeFl.Tensors.Cpu.Gemm;

/// <summary>How the right operand b (K, N) of a product lies in memory.</summary>
internal enum OperandLayout
{
    /// <summary>b[k, n] is B[k · stride + n].</summary>
    Rows,

    /// <summary>b[k, n] is B[n · stride + k].</summary>
    Columns,

    /// <summary>Panels of W (out, in) with n = out, k = in: the forward product.</summary>
    Panels,

    /// <summary>Panels of W (out, in) with n = in, k = out: the backward product.</summary>
    TurnedPanels,
}
