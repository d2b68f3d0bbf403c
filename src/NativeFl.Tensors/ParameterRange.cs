namespace NativeFl.Tensors;

/// <summary>A run of elements of the flat parameter buffer that belongs to one optimiser segment (one client).</summary>
/// <param name="Offset">The first element.</param>
/// <param name="Count">The number of elements.</param>
/// <param name="Segment">The index of the segment.</param>
/// <param name="Decays">Whether weight decay applies here (norm weights and biases are exempt).</param>
public readonly record struct ParameterRange(long Offset, long Count, int Segment, bool Decays = true);
