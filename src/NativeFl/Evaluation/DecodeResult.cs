namespace NativeFl.Evaluation;

/// <summary>How long a model took to go on, and what its key/value cache takes.</summary>
public sealed record DecodeResult
{
    /// <summary>What was generated.</summary>
    public required DecodeOptions Options { get; init; }

    /// <summary>Of every step, which gives one token to each sequence, in order.</summary>
    public required IReadOnlyList<double> StepSeconds { get; init; }

    /// <summary>Of every prompt.</summary>
    public required IReadOnlyList<double> PrefillSeconds { get; init; }

    /// <summary>The key/value cache of all sequences, from its memory plan: attention sublayers · 2 · sequences · (prompt + new tokens) · Hkv · D values.</summary>
    public required long CacheBytes { get; init; }

    /// <summary>The median step.</summary>
    public double SecondsPerStep => Median(StepSeconds);

    /// <summary>New tokens of all sequences together over the median step.</summary>
    public double TokensPerSecond => Options.Sequences / SecondsPerStep;

    /// <summary>Prompt tokens over the median prompt; prompts are read one after another.</summary>
    public double PrefillTokensPerSecond => Options.PromptLength / Median(PrefillSeconds);

    /// <summary>This and another measurement of the same, as one.</summary>
    public DecodeResult With(DecodeResult more)
    {
        ArgumentNullException.ThrowIfNull(more);
        return this with { StepSeconds = [.. StepSeconds, .. more.StepSeconds], PrefillSeconds = [.. PrefillSeconds, .. more.PrefillSeconds] };
    }

    private static double Median(IReadOnlyList<double> values)
    {
        double[] sorted = [.. values.Order()];
        return (sorted[(sorted.Length - 1) / 2] + sorted[sorted.Length / 2]) / 2;
    }
}
