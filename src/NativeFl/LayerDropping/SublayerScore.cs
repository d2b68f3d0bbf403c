using NativeFl.Models;

namespace NativeFl.LayerDropping;

/// <summary>How alike the residual stream is before and behind one sublayer.</summary>
/// <param name="Sublayer">Which one.</param>
/// <param name="Similarity">The mean cosine over all tokens; 1 = it does nothing but scale.</param>
/// <param name="StandardError">Of the mean, over samples; null with fewer than two.</param>
public sealed record SublayerScore(Sublayer Sublayer, double Similarity, double? StandardError)
{
    /// <summary>1 − similarity.</summary>
    public double Importance => 1 - Similarity;
}
