using NativeFl.Tensors;

namespace NativeFl.Models;

/// <summary>
/// One block's weights: seven linear layers with optional biases, two norms, and Qwen3's norms of query and key heads. What belongs to a
/// dropped sublayer is empty.
/// </summary>
internal sealed class LayerWeights
{
    /// <summary>(C) f32, before attention.</summary>
    public required TensorView InputNorm { get; init; }

    /// <summary>(C) f32, before the MLP.</summary>
    public required TensorView PostAttentionNorm { get; init; }

    /// <summary>(D) f32 or empty.</summary>
    public TensorView QueryNorm { get; init; }

    /// <summary>(D) f32 or empty.</summary>
    public TensorView KeyNorm { get; init; }

    /// <summary>By <see cref="Projection"/>.</summary>
    public required IReadOnlyList<PackedMatrix> Linears { get; init; }

    /// <summary>By <see cref="Projection"/>: (out) f32 or empty.</summary>
    public required IReadOnlyList<TensorView> Biases { get; init; }
}
