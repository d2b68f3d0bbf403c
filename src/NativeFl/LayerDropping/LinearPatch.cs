using NativeFl.Data;
using NativeFl.Models;
using NativeFl.Tensors;

namespace NativeFl.LayerDropping;

/// <summary>
/// Dropped sublayers replaced by one linear map each, which costs nothing at run time (ReplaceMe, arXiv:2505.02819). For a gap between kept
/// sublayers let m be what the sublayer before it adds to the residual stream y, both in the dropped model, and z the stream behind the gap in
/// the whole model: T = argmin Σ ‖T m + y − z‖² + λ ‖T − I‖² over the calibration tokens. T is folded into that sublayer's last linear layer,
/// W ← T W and b ← T b, its down_proj or, where it is attention, its o_proj.
/// </summary>
/// <remarks>
/// The gaps are fitted front to back, each on a model in which those before it are patched, so that a gap makes up for what they left. Solved
/// for D = T − I, which λ pulls to zero, and not for T: what the patch does not need to change it leaves alone.
/// </remarks>
public sealed class LinearPatch
{
    /// <summary>The default λ, in units of the mean eigenvalue of Σ m mᵀ.</summary>
    public const double DefaultRidge = 1e-3;

    private LinearPatch(IReadOnlyList<PatchedGap> gaps, double ridge, long tokens) => (Gaps, Ridge, Tokens) = (gaps, ridge, tokens);

    /// <summary>Every gap, in order, those that nothing precedes too.</summary>
    public IReadOnlyList<PatchedGap> Gaps { get; }

    /// <summary>λ, in units of the mean eigenvalue.</summary>
    public double Ridge { get; }

    /// <summary>Tokens that it was fitted on.</summary>
    public long Tokens { get; }

    /// <summary>Fits a patch; beside the model, which is not changed, it holds a second one of what is kept.</summary>
    /// <param name="model">The whole model.</param>
    /// <param name="dropped">What goes; what the model goes without already is no gap.</param>
    /// <param name="samples">Token sequences; all their tokens count, whatever their labels.</param>
    /// <param name="ridge">λ in units of the mean eigenvalue of Σ m mᵀ; at 0 the tokens alone must determine T.</param>
    /// <param name="maxRows">Token rows of a pass; a longer sample gets a pass of its own length.</param>
    /// <param name="onSample">Told of samples: (done, of) over all gaps.</param>
    /// <param name="cancellation">Polled between passes.</param>
    /// <exception cref="InvalidInputException">There is no token.</exception>
    /// <exception cref="RunFailedException">The tokens do not determine a patch, or a stream is not finite.</exception>
    public static LinearPatch Fit(
        Transformer model, DroppedSublayers dropped, IReadOnlyList<TokenizedExample> samples, double ridge = DefaultRidge, int maxRows = 2048,
        Action<int, int>? onSample = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(dropped);
        ArgumentNullException.ThrowIfNull(samples);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(maxRows);
        if (!double.IsFinite(ridge) || ridge < 0) throw new ArgumentOutOfRangeException(nameof(ridge), ridge, "a finite number of at least 0");
        long tokens = samples.Sum(s => (long)s.InputIds.Length);
        if (tokens == 0) throw new InvalidInputException("--patch-data", "at least one token", "none");
        Sublayer[] whole = [.. model.Config.Sublayers()];
        (int Before, int Behind)[] holes = [.. Holes(whole, dropped)];
        int fitted = holes.Count(hole => hole.Before >= 0), done = 0;
        var gaps = new List<PatchedGap>();
        using GapFitter? fitter = fitted == 0 ? null : new GapFitter(model, dropped, samples, maxRows);
        foreach ((int before, int behind) in holes)
        {
            int offset = before < 0 ? 0 : done++ * samples.Count;
            gaps.Add(before < 0
                ? new PatchedGap(whole[..behind], null, null, null, [])
                : fitter!.Fit(before, behind, ridge, count => onSample?.Invoke(offset + count, fitted * samples.Count), cancellation));
        }

        return new LinearPatch(gaps, ridge, tokens);
    }

    /// <summary>Writes the patched weights into a model: the one that it was fitted on, or another with the same weights.</summary>
    public void ApplyTo(Transformer model)
    {
        ArgumentNullException.ThrowIfNull(model);
        foreach (PatchedGap gap in Gaps) gap.ApplyTo(model);
    }

    /// <summary>Runs of dropped sublayers: the places of the kept ones around each, −1 and the number of all for none.</summary>
    private static IEnumerable<(int Before, int Behind)> Holes(Sublayer[] whole, DroppedSublayers dropped)
    {
        int kept = -1;
        for (int i = 0; i <= whole.Length; i++)
        {
            if (i < whole.Length && dropped.Contains(whole[i])) continue;
            if (i - kept > 1) yield return (kept, i);
            kept = i;
        }
    }
}
