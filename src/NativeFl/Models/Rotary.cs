namespace NativeFl.Models;

/// <summary>The frequencies of rotary position embedding (Su et al., arXiv:2104.09864) and their stretched forms.</summary>
internal static class Rotary
{
    /// <summary>θ_j = base^(−2j/D), j = 0 .. D/2 − 1, scaled as the config says.</summary>
    public static float[] Frequencies(ModelConfig config)
    {
        var frequencies = new float[config.HeadWidth / 2];
        for (int j = 0; j < frequencies.Length; j++)
            frequencies[j] = (float)Scale(config.RopeScaling, Math.Pow(config.RopeTheta, -2.0 * j / config.HeadWidth));
        return frequencies;
    }

    private static double Scale(RopeScaling? scaling, double frequency) => scaling?.Kind switch
    {
        null => frequency,
        "linear" => frequency / scaling.Factor,
        "llama3" => Llama3(scaling, frequency),
        _ => throw new ArgumentException($"rope scaling {scaling.Kind} is not known", nameof(scaling)),
    };

    /// <summary>
    /// Llama 3.1: long wavelengths (above original / low) are divided by the factor, short ones (below original / high) stay, and
    /// those between are blended by how many times they fit into the original context.
    /// </summary>
    private static double Llama3(RopeScaling s, double frequency)
    {
        double wavelength = 2 * Math.PI / frequency;
        if (wavelength > s.OriginalMaxPositions / s.LowFrequencyFactor) return frequency / s.Factor;
        if (wavelength < s.OriginalMaxPositions / s.HighFrequencyFactor) return frequency;
        double smooth = ((s.OriginalMaxPositions / wavelength) - s.LowFrequencyFactor) / (s.HighFrequencyFactor - s.LowFrequencyFactor);
        return ((1 - smooth) * frequency / s.Factor) + (smooth * frequency);
    }
}
