namespace NativeFl.Tensors.Cpu.Gemm;

/// <summary>One call of a micro-kernel: c = a b or c += a b, a (rows, K), b (K, columns); rows and columns are the kernel's.</summary>
internal unsafe struct GemmTile
{
    /// <summary>a[row, k] is A[k · rows + row].</summary>
    public float* A;

    /// <summary>b[k, column] is B[k · BStep + column], f32 or bf16 as the kernel is.</summary>
    public void* B;

    /// <summary>Elements from one k to the next in B.</summary>
    public nint BStep;

    /// <summary>c[row, column] is C[row · CStep + column].</summary>
    public float* C;

    /// <summary>Floats from one row to the next in C.</summary>
    public nint CStep;

    /// <summary>The length of the sum.</summary>
    public nint K;

    /// <summary>Whether C is added to rather than overwritten.</summary>
    public bool Accumulate;
}
