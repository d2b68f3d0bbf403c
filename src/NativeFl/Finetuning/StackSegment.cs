namespace NativeFl.Finetuning;

/// <summary>One adapter's rows in a module's stack.</summary>
/// <param name="Start">The first rank row.</param>
/// <param name="Rank">Rank rows; 0 = the adapter does not touch this module.</param>
/// <param name="Scaling">s_k.</param>
public readonly record struct StackSegment(int Start, int Rank, float Scaling);
