namespace NativeFl.Evaluation;

/// <summary>What is generated to see how fast a model goes on.</summary>
public sealed record DecodeOptions
{
    /// <summary>Sequences side by side.</summary>
    public int Sequences { get; init; } = 1;

    /// <summary>Tokens of every prompt; they are drawn at random.</summary>
    public int PromptLength { get; init; } = 128;

    /// <summary>New tokens of every sequence: the first comes out of its prompt's pass, every further one out of a step.</summary>
    public int NewTokens { get; init; } = 32;

    /// <summary>Keys the prompts.</summary>
    public ulong Seed { get; init; }
}
