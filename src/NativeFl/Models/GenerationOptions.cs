namespace NativeFl.Models;

/// <summary>How tokens are chosen.</summary>
public sealed record GenerationOptions
{
    /// <summary>New tokens at most.</summary>
    public int MaxNewTokens { get; init; } = 128;

    /// <summary>0 = the most likely token (ties: the lowest id); else logits are divided by it and drawn from.</summary>
    public double Temperature { get; init; }

    /// <summary>Draw only from the k most likely tokens; 0 = all.</summary>
    public int TopK { get; init; }

    /// <summary>Draw only from the smallest set of tokens with at least this probability; 1 = all.</summary>
    public double TopP { get; init; } = 1;

    /// <summary>Keys the draws: sequence i uses stream i.</summary>
    public ulong Seed { get; init; }

    /// <summary>Go on after an end-of-text token.</summary>
    public bool IgnoreEos { get; init; }
}
