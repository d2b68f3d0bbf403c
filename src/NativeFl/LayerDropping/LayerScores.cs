using NativeFl.Models;

namespace NativeFl.LayerDropping;

/// <summary>The similarities of a model's sublayers and blocks on a calibration set.</summary>
public sealed record LayerScores
{
    /// <summary>Every sublayer that the model has, in order of execution.</summary>
    public required IReadOnlyList<SublayerScore> Sublayers { get; init; }

    /// <summary>Every block that has a sublayer left, and longer runs of neighbours where they were asked for.</summary>
    public required IReadOnlyList<BlockScore> Blocks { get; init; }

    /// <summary>Tokens that were measured.</summary>
    public required long Tokens { get; init; }

    /// <summary>Samples that they came in.</summary>
    public required int Samples { get; init; }

    /// <summary>The sublayers of one kind.</summary>
    public IEnumerable<SublayerScore> Of(SublayerKind kind) => Sublayers.Where(score => score.Sublayer.Kind == kind);
}
