namespace NativeFl.Models;

/// <summary>What a pass over the model is planned for.</summary>
internal sealed record PassOptions
{
    /// <summary>The most token rows of a batch.</summary>
    public required int MaxRows { get; init; }

    /// <summary>The most rows whose prediction is wanted.</summary>
    public required int MaxHeadRows { get; init; }

    /// <summary>Whether activations are kept for a backward pass.</summary>
    public bool Backward { get; init; }

    /// <summary>
    /// Whether the products that cosines are made of are taken at every residual add, and the stream is kept before every block; not
    /// together with a backward pass.
    /// </summary>
    public bool Products { get; init; }

    /// <summary>The sublayers before which the stream is kept, for <see cref="TransformerPass.ForwardWithout"/>; or null.</summary>
    public IReadOnlySet<Sublayer>? Kept { get; init; }

    /// <summary>Dropout on the LoRA input.</summary>
    public float Dropout { get; init; }

    /// <summary>Where gradients of all weights go, or null when the base is frozen.</summary>
    public WeightGradients? WeightGradients { get; init; }
}
