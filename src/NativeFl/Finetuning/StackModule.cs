using NativeFl.Models;
using NativeFl.Tensors;

namespace NativeFl.Finetuning;

/// <summary>The adapter stack of one linear layer: A (R, in) and B (R, out), row-per-rank, and who owns which rows.</summary>
internal sealed class StackModule(ModuleId id, StackSegment[] segments, long offset, int outFeatures, int inFeatures, FlatParameters flat)
{
    public ModuleId Id => id;

    /// <summary>By adapter.</summary>
    public IReadOnlyList<StackSegment> Segments => segments;

    /// <summary>R.</summary>
    public int Rank { get; } = segments.Sum(s => s.Rank);

    /// <summary>The largest rank of one adapter.</summary>
    public int LargestRank { get; } = segments.Max(s => s.Rank);

    public int OutFeatures => outFeatures;

    public int InFeatures => inFeatures;

    /// <summary>Where A starts in the flat buffer; B follows it.</summary>
    public long OffsetA => offset;

    public long OffsetB => offset + ((long)Rank * inFeatures);

    public TensorView A => FlatParameters.Matrix(flat.Values, OffsetA, Rank, inFeatures);

    public TensorView B => FlatParameters.Matrix(flat.Values, OffsetB, Rank, outFeatures);

    public TensorView GradientA => FlatParameters.Matrix(flat.Gradients, OffsetA, Rank, inFeatures);

    public TensorView GradientB => FlatParameters.Matrix(flat.Gradients, OffsetB, Rank, outFeatures);
}
