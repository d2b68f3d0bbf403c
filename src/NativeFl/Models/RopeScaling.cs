namespace NativeFl.Models;

/// <summary>How rotary frequencies are stretched for longer contexts.</summary>
/// <param name="Kind">"linear" or "llama3"; plain RoPE has no scaling at all.</param>
/// <param name="Factor">The stretch.</param>
/// <param name="LowFrequencyFactor">llama3: wavelengths above original / low are divided by the factor.</param>
/// <param name="HighFrequencyFactor">llama3: wavelengths below original / high stay.</param>
/// <param name="OriginalMaxPositions">llama3: the context before stretching.</param>
public sealed record RopeScaling(
    string Kind, double Factor, double LowFrequencyFactor = 1, double HighFrequencyFactor = 4, int OriginalMaxPositions = 8192);
