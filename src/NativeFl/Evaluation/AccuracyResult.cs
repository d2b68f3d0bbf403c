using NativeFl.Tensors;

namespace NativeFl.Evaluation;

/// <summary>The share of items that a model has right.</summary>
public sealed record AccuracyResult
{
    /// <summary>Counts.</summary>
    /// <exception cref="InvalidInputException">There is no item.</exception>
    public AccuracyResult(IReadOnlyList<ItemResult> items)
    {
        ArgumentNullException.ThrowIfNull(items);
        if (items.Count == 0) throw new InvalidInputException("--data", "at least one item", "none");
        Items = items;
        Accuracy = (double)items.Count(i => i.IsCorrect) / items.Count;
        if (items.Count > 1) StandardError = Math.Sqrt(Accuracy * (1 - Accuracy) / (items.Count - 1));
    }

    /// <summary>Right items over all items.</summary>
    public double Accuracy { get; }

    /// <summary>The standard error over items, √(a (1 − a) / (n − 1)); null with fewer than two.</summary>
    public double? StandardError { get; }

    /// <summary>n.</summary>
    public int Count => Items.Count;

    /// <summary>Every item.</summary>
    public IReadOnlyList<ItemResult> Items { get; }
}
