using System.Runtime.InteropServices;
using NativeFl.Finetuning;
using NativeFl.Tensors;

namespace NativeFl.Models;

/// <summary>
/// How a forward pass reads an adapter stack: each row through its own adapter (training, or many adapters evaluated side by side),
/// all rows through a weighted sum of adapters (an un-merged aggregate), or each row through the mixture of adapters that its part of the
/// batch names (many weightings of one stack evaluated side by side).
/// </summary>
internal sealed class StackUse(AdapterStack stack, IReadOnlyList<float>? weights, bool trains)
{
    private readonly List<LoraGroup> _groups = [];

    /// <summary>A use by mixtures; the parts of a batch name them by their place in <see cref="Mixtures"/>.</summary>
    public StackUse(AdapterStack stack, bool trains)
        : this(stack, weights: null, trains) => Mixtures = [];

    public AdapterStack Stack => stack;

    /// <summary>Whether dA and dB are wanted.</summary>
    public bool Trains => trains;

    /// <summary>The mixtures of the next batches, or null where rows are not read through mixtures.</summary>
    public IReadOnlyList<StackMixture>? Mixtures { get; set; }

    /// <summary>Columns of S that a module needs.</summary>
    public int Columns(StackModule module)
    {
        if (Mixtures is not null) return module.Rank;
        return weights is null ? module.LargestRank : AdapterStack.WeightedGroups(module, weights, 0).Sum(g => g.RankCount);
    }

    /// <summary>The groups of a module for a batch; valid until the next call.</summary>
    public ReadOnlySpan<LoraGroup> Groups(StackModule module, TokenBatch batch)
    {
        _groups.Clear();
        if (weights is not null)
        {
            _groups.AddRange(AdapterStack.WeightedGroups(module, weights, batch.Rows));
            return CollectionsMarshal.AsSpan(_groups);
        }

        foreach (var part in batch.Parts)
        {
            if (part.RowCount == 0) continue;
            if (Mixtures is { } mixtures)
            {
                AddMixture(module, part, mixtures[part.Adapter]);
                continue;
            }

            var segment = module.Segments[part.Adapter];
            if (segment.Rank > 0) _groups.Add(new LoraGroup(part.RowStart, part.RowCount, segment.Start, segment.Rank, 0, segment.Scaling));
        }

        return CollectionsMarshal.AsSpan(_groups);
    }

    /// <summary>All adapters of a weight other than zero over the rows of a part, each in the columns of S of its own ranks.</summary>
    private void AddMixture(StackModule module, BatchPart part, StackMixture mixture)
    {
        ReadOnlySpan<float> own = mixture.Of(module.Id);
        for (int k = 0; k < own.Length; k++)
        {
            var segment = module.Segments[k];
            if (own[k] == 0 || segment.Rank == 0) continue;
            _groups.Add(new LoraGroup(part.RowStart, part.RowCount, segment.Start, segment.Rank, segment.Start, own[k] * segment.Scaling));
        }
    }
}
