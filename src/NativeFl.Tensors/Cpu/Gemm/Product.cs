namespace NativeFl.Tensors.Cpu.Gemm;

/// <summary>c (M, N) = scale · a (M, K) b (K, N) + bias, or c += that.</summary>
internal unsafe struct Product
{
    /// <summary>A product of dense f32 matrices; extents are still to be set.</summary>
    public Product(Operand a, Operand b, Operand c)
        : this(a, b.Pointer, b.Stride, b.IsTurned ? OperandLayout.Columns : OperandLayout.Rows, c)
    {
    }

    /// <summary>A product with packed weights; extents are still to be set.</summary>
    public Product(Operand a, PackedMatrix w, bool turned, Operand c)
        : this(a, (void*)w.Pointer, w.In, turned ? OperandLayout.TurnedPanels : OperandLayout.Panels, c)
    {
        BNarrow = w.DType == DType.BF16;
    }

    private Product(Operand a, void* b, nint stride, OperandLayout layout, Operand c)
    {
        A = a.Pointer;
        AStride = a.Stride;
        ATurned = a.IsTurned;
        B = b;
        BStride = stride;
        BLayout = layout;
        C = c.Pointer;
        CStride = c.Stride;
    }

    /// <summary>The left operand.</summary>
    public float* A { get; }

    /// <summary>Floats from one line to the next in A as it lies in memory.</summary>
    public nint AStride { get; }

    /// <summary>False: a[m, k] is A[m · AStride + k]. True: a[m, k] is A[k · AStride + m].</summary>
    public bool ATurned { get; }

    /// <summary>The right operand.</summary>
    public void* B { get; }

    /// <summary>Elements from one line to the next in B; for panels, the number of input features.</summary>
    public nint BStride { get; }

    /// <summary>How the right operand lies.</summary>
    public OperandLayout BLayout { get; }

    /// <summary>Whether B is bf16 (panels only) rather than f32.</summary>
    public bool BNarrow { get; }

    /// <summary>The result.</summary>
    public float* C { get; }

    /// <summary>Floats from one row to the next in C.</summary>
    public nint CStride { get; }

    /// <summary>What the product is multiplied with.</summary>
    public float Scale { get; init; } = 1;

    /// <summary>Whether C is added to.</summary>
    public bool Accumulate { get; init; }

    /// <summary>N floats added to every row, or null.</summary>
    public float* Bias { get; init; }

    /// <summary>Rows of the result.</summary>
    public int M { get; init; }

    /// <summary>Columns of the result.</summary>
    public int N { get; init; }

    /// <summary>The length of the sums.</summary>
    public int K { get; init; }
}
