using NativeFl.Data;

namespace NativeFl.DataRefinement;

/// <summary>What the quality of a fine-tuned base is measured by.</summary>
public interface IQuality
{
    /// <summary>Its name on the command line.</summary>
    string Name { get; }

    /// <summary>What is scored, under every adapter.</summary>
    IReadOnlyList<TokenizedExample> Examples { get; }

    /// <summary>v: the larger, the better; not finite where the losses are not.</summary>
    /// <param name="losses">By example of <see cref="Examples"/>, −log p of every counted token.</param>
    double Of(IReadOnlyList<float[]> losses);
}
