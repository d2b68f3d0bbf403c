using NativeFl.Models;

namespace NativeFl.Finetuning;

/// <summary>What one client's fine-tuning gave.</summary>
/// <param name="Id">The task's id.</param>
/// <param name="Adapter">The trained adapter.</param>
/// <param name="Losses">Losses[i] is the mean over the counted tokens of step i, before that step.</param>
/// <param name="Tokens">Token rows that went through the model.</param>
/// <param name="Diverged">A loss or gradient stopped being finite; the adapter is that of the last finite step.</param>
public sealed record ClientUpdate(string Id, AdapterWeights Adapter, IReadOnlyList<double> Losses, long Tokens, bool Diverged)
{
    /// <summary>Optimiser steps taken.</summary>
    public int Steps => Losses.Count;
}
