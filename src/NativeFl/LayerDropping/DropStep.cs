using NativeFl.Models;

namespace NativeFl.LayerDropping;

/// <summary>One thing that goes.</summary>
/// <param name="Sublayers">A sublayer, or what is left of a block (or of a run of blocks).</param>
/// <param name="Similarity">Its mean cosine when it was chosen, where that decided.</param>
/// <param name="Loss">The calibration loss without it, where that decided.</param>
public sealed record DropStep(IReadOnlyList<Sublayer> Sublayers, double? Similarity, double? Loss);
