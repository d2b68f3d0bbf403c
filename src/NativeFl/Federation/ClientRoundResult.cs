namespace NativeFl.Federation;

/// <summary>What one client did in one round.</summary>
public sealed record ClientRoundResult
{
    /// <summary>The client.</summary>
    public required int Id { get; init; }

    /// <summary>r_k; 0 under full fine-tuning.</summary>
    public required int Rank { get; init; }

    /// <summary>n_k.</summary>
    public required int Examples { get; init; }

    /// <summary>Its seed in this round.</summary>
    public required ulong Seed { get; init; }

    /// <summary>Optimiser steps.</summary>
    public int Steps { get; init; }

    /// <summary>Tokens trained on.</summary>
    public long Tokens { get; init; }

    /// <summary>The mean of the losses of its steps; null if there was no step or the loss is not finite.</summary>
    public double? Loss { get; init; }

    /// <summary>True if it diverged and was left out of the round.</summary>
    public bool Dropped { get; init; }

    /// <summary>Bytes in f32 from the client to the server.</summary>
    public long UploadBytes { get; init; }

    /// <summary>Bytes in f32 from the server to the client at the round's end; the base, sent once, is not among them.</summary>
    public long DownloadBytes { get; init; }
}
