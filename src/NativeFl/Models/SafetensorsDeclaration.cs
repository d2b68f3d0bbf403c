namespace NativeFl.Models;

/// <summary>A tensor that is going to write.</summary>
/// <param name="Name">Its name.</param>
/// <param name="DType">"F32", "BF16", "F16", "I64" or "I32".</param>
/// <param name="Shape">Its extents, outermost first.</param>
public sealed record SafetensorsDeclaration(string Name, string DType, long[] Shape);
