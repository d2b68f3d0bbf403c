namespace NativeFl.Models;

/// <summary>
/// One adapter's factors on one linear layer, on the host: ΔW = Scaling · Bᵀ A. Both factors are row-per-rank, as in the stack; PEFT's
/// files hold B transposed, as (out, r).
/// </summary>
/// <param name="Rank">r.</param>
/// <param name="OutFeatures">out.</param>
/// <param name="InFeatures">in.</param>
/// <param name="Scaling">s = α / r, or α / √r for rsLoRA.</param>
/// <param name="A">(r, in) row-major.</param>
/// <param name="B">(r, out) row-major.</param>
public sealed record LoraFactors(int Rank, int OutFeatures, int InFeatures, float Scaling, float[] A, float[] B);
