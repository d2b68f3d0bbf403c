using NativeFl.Tensors;

namespace NativeFl.Models;

/// <summary>S = A x of the linear layers of a sublayer whose adapters train: what their backward reads instead of x A once more.</summary>
internal sealed class ShrunkActivations
{
    private readonly Slot?[] _slots = new Slot?[ModuleId.ProjectionCount];

    public ShrunkActivations(MemoryPlan plan, Sublayer sublayer, int rows, StackUse? trained)
    {
        if (trained is null) return;
        foreach (ModuleId id in ModuleId.Of(sublayer))
        {
            if (trained.Stack[id] is not { } module) continue;
            string name = $"layer {id.Layer} {ModuleId.ShortName(id.Projection)} A x";
            _slots[(int)id.Projection] = plan.Add(name, new Shape(rows, trained.Columns(module)));
        }
    }

    /// <summary>By projection: (rows, r), or empty.</summary>
    public TensorView[] Bind(Arena arena, int rows) => [.. _slots.Select(s => s is { } slot ? arena[slot].Slice(0, rows) : default)];
}
