namespace NativeFl.LayerDropping;

/// <summary>What is to be dropped, and how it is chosen.</summary>
public sealed record DropRequest
{
    /// <summary>What counts as one.</summary>
    public Granularity Granularity { get; init; }

    /// <summary>How many.</summary>
    public required int Count { get; init; }

    /// <summary>How they are chosen.</summary>
    public DropMethod Method { get; init; }

    /// <summary>For <see cref="DropMethod.Similarity"/>: measure again after every drop. A block's other half still runs.</summary>
    public bool IsIterative { get; init; }

    /// <summary>For blocks by <see cref="DropMethod.Similarity"/>: a run of neighbours, by the cosine across the whole run.</summary>
    public bool IsConsecutive { get; init; }

    /// <summary>For <see cref="DropMethod.Random"/>.</summary>
    public ulong Seed { get; init; }
}
