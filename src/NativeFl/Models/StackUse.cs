using System.Runtime.InteropServices;
using NativeFl.Finetuning;
using NativeFl.Tensors;

namespace NativeFl.Models;

/// <summary>
/// How a forward pass reads an adapter stack: each row through its own adapter (training, or many adapters evaluated side by side),
/// or all rows through a weighted sum of adapters (an un-merged aggregate).
/// </summary>
internal sealed class StackUse(AdapterStack stack, IReadOnlyList<float>? weights, bool trains)
{
    private readonly List<LoraGroup> _groups = [];

    public AdapterStack Stack => stack;

    /// <summary>Whether dA and dB are wanted.</summary>
    public bool Trains => trains;

    /// <summary>Columns of S that a module needs.</summary>
    public int Columns(StackModule module) =>
        weights is null ? module.LargestRank : AdapterStack.WeightedGroups(module, weights, 0).Sum(g => g.RankCount);

    /// <summary>The groups of a module for a batch; valid until the next call.</summary>
    public ReadOnlySpan<LoraGroup> Groups(StackModule module, TokenBatch batch)
    {
        _groups.Clear();
        if (weights is not null)
        {
            _groups.AddRange(AdapterStack.WeightedGroups(module, weights, batch.Rows));
        }
        else
        {
            foreach (var part in batch.Parts)
            {
                var segment = module.Segments[part.Adapter];
                if (segment.Rank > 0 && part.RowCount > 0)
                    _groups.Add(new LoraGroup(part.RowStart, part.RowCount, segment.Start, segment.Rank, 0, segment.Scaling));
            }
        }

        return CollectionsMarshal.AsSpan(_groups);
    }
}
