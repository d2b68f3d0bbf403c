namespace NativeFl.LayerDropping;

/// <summary>How it is decided what goes.</summary>
public enum DropMethod
{
    /// <summary>What turns the residual stream least (LLM-Drop).</summary>
    Similarity,

    /// <summary>Each time, what raises the calibration loss least when it is gone, measured again after every drop (as SLEB and BlockPruner do).</summary>
    Greedy,

    /// <summary>Anything, by seed: what the others have to beat.</summary>
    Random,

    /// <summary>From the first one on.</summary>
    First,

    /// <summary>From the last one back.</summary>
    Last,
}
