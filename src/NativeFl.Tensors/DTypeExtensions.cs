namespace NativeFl.Tensors;

/// <summary>Facts about <see cref="DType"/>.</summary>
public static class DTypeExtensions
{
    /// <summary>The size of one element in bytes.</summary>
    public static int Size(this DType dtype) => dtype switch
    {
        DType.BF16 or DType.F16 => 2,
        DType.F64 => 8,
        _ => 4,
    };
}
