namespace NativeFl.Models;

/// <summary>The seven linear layers of a Llama-family block, in the order they run.</summary>
public enum Projection
{
    /// <summary>self_attn.q_proj (H·D, C).</summary>
    Query,

    /// <summary>self_attn.k_proj (Hkv·D, C).</summary>
    Key,

    /// <summary>self_attn.v_proj (Hkv·D, C).</summary>
    Value,

    /// <summary>self_attn.o_proj (C, H·D).</summary>
    Output,

    /// <summary>mlp.gate_proj (F, C).</summary>
    Gate,

    /// <summary>mlp.up_proj (F, C).</summary>
    Up,

    /// <summary>mlp.down_proj (C, F).</summary>
    Down,
}
