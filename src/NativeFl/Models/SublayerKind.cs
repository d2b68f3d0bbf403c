namespace NativeFl.Models;

/// <summary>The two halves of a block.</summary>
public enum SublayerKind
{
    /// <summary>Self-attention with the norm before it.</summary>
    Attention,

    /// <summary>The MLP with the norm before it.</summary>
    Mlp,
}
