using NativeFl.Finetuning;

namespace NativeFl.Federation;

/// <summary>A client's loss in a round.</summary>
internal static class RoundLoss
{
    /// <summary>The mean over its steps, or null if there is none or it is not finite.</summary>
    public static double? Of(ClientUpdate? update)
    {
        if (update is null || update.Losses.Count == 0) return null;
        double mean = update.Losses.Average();
        return double.IsFinite(mean) ? mean : null;
    }
}
