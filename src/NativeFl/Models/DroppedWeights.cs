namespace NativeFl.Models;

/// <summary>What becomes of a dropped sublayer's weights in a checkpoint.</summary>
public enum DroppedWeights
{
    /// <summary>They are not in it: it is smaller, and a loader that does not know the drop lists fills them at random.</summary>
    LeftOut,

    /// <summary>They are in it as they were: a loader that does not know the drop lists runs the whole model.</summary>
    Kept,

    /// <summary>They are in it, o_proj and down_proj (with their biases) as zeros: every loader computes the dropped model.</summary>
    Zeroed,
}
