using NativeFl.Models;

namespace NativeFl.Federation;

/// <summary>One client's factors on one module and what they weigh there.</summary>
/// <param name="Weight">p_k.</param>
/// <param name="Factors">s_k, A_k and B_k.</param>
public readonly record struct WeightedFactors(double Weight, LoraFactors Factors);
