using NativeFl.Tensors;

namespace NativeFl.DataRefinement;

/// <summary>y = x Wᵀ + b, on the backend.</summary>
internal readonly record struct BertLinear(PackedMatrix Weight, TensorView Bias);

/// <summary>y = (x − mean) / √(variance + ε) ∘ w + b, on the host.</summary>
internal readonly record struct BertNorm(float[] Weight, float[] Bias);

/// <summary>One layer: attention and then two linear maps around a GELU, a norm behind each residual.</summary>
internal sealed record BertLayer(BertLinear Input, BertLinear Output, BertNorm AttentionNorm, BertLinear Up, BertLinear Down, BertNorm OutputNorm);
