namespace NativeFl.Tensors;

/// <summary>The element types that tensors are stored in. Arithmetic is always done in f32 or wider.</summary>
public enum DType
{
    /// <summary>IEEE 754 binary32.</summary>
    F32,

    /// <summary>The upper half of a binary32: 8 exponent bits, 7 fraction bits.</summary>
    BF16,

    /// <summary>IEEE 754 binary16. Only files hold it; it is widened to f32 when it is read.</summary>
    F16,

    /// <summary>32-bit signed integers: token ids, positions, labels.</summary>
    I32,

    /// <summary>IEEE 754 binary64: sums over many terms, and measured values that differ little. No activations.</summary>
    F64,
}
