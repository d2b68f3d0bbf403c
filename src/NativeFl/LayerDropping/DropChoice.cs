using NativeFl.Models;

namespace NativeFl.LayerDropping;

/// <summary>What goes, in the order in which it was chosen.</summary>
/// <param name="Steps">The ranking.</param>
/// <param name="Ties">What would have done as well as something chosen: the lower index was taken.</param>
public sealed record DropChoice(IReadOnlyList<DropStep> Steps, IReadOnlyList<DropStep> Ties)
{
    /// <summary>What ranked before something chosen and stays: it has the last attention there is.</summary>
    public IReadOnlyList<DropStep> PassedOver { get; init; } = [];

    /// <summary>All of it.</summary>
    public DroppedSublayers Dropped => new(Steps.SelectMany(step => step.Sublayers));
}
