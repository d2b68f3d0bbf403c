using NativeFl.Models;

namespace NativeFl.Finetuning;

/// <summary>The shape of a fresh LoRA adapter (Hu et al., arXiv:2106.09685).</summary>
public sealed record LoraOptions
{
    /// <summary>r.</summary>
    public int Rank { get; init; } = 16;

    /// <summary>α; null means 2 r.</summary>
    public double? Alpha { get; init; }

    /// <summary>Scale by α / √r instead of α / r (rsLoRA, arXiv:2312.03732).</summary>
    public bool UseRsLora { get; init; }

    /// <summary>The linear layers that are adapted; all seven by default.</summary>
    public TargetModules Targets { get; init; } = TargetModules.All;

    /// <summary>s = α / r, or α / √r.</summary>
    public float Scaling => Rank == 0 ? 0 : (float)((Alpha ?? 2.0 * Rank) / (UseRsLora ? Math.Sqrt(Rank) : Rank));
}
