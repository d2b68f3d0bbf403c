namespace NativeFl.Models;

/// <summary>One tensor of a safetensors file.</summary>
/// <param name="Name">Its name.</param>
/// <param name="DType">Its type as the file spells it: "F32", "BF16", "F16", "I64" and so on.</param>
/// <param name="Shape">Its extents, outermost first; none for a scalar.</param>
/// <param name="Offset">Its first byte, counted from the first byte after the header.</param>
/// <param name="Bytes">Its size.</param>
public sealed record SafetensorsEntry(string Name, string DType, long[] Shape, long Offset, long Bytes)
{
    /// <summary>The number of elements.</summary>
    public long Count => Bytes / SafetensorsHeader.ElementSize(DType);
}
