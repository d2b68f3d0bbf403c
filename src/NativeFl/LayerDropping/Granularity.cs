namespace NativeFl.LayerDropping;

/// <summary>What is dropped as one.</summary>
public enum Granularity
{
    /// <summary>Attention sublayers.</summary>
    Attention,

    /// <summary>MLP sublayers.</summary>
    Mlp,

    /// <summary>Blocks: what is left of both halves.</summary>
    Block,

    /// <summary>Sublayers of both kinds, in one ranking.</summary>
    Joint,
}
