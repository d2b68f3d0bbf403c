namespace NativeFl.LayerDropping;

/// <summary>How alike the residual stream is before and behind a run of blocks.</summary>
/// <param name="Layer">The first block.</param>
/// <param name="Length">How many; 1 = a single block.</param>
/// <param name="Similarity">The mean cosine over all tokens.</param>
/// <param name="StandardError">Of the mean, over samples; null with fewer than two.</param>
public sealed record BlockScore(int Layer, int Length, double Similarity, double? StandardError)
{
    /// <summary>1 − similarity.</summary>
    public double Importance => 1 - Similarity;
}
