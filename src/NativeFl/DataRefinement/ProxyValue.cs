namespace NativeFl.DataRefinement;

/// <summary>What one proxy is worth, and with it each record of its cluster.</summary>
/// <param name="Id">The record's id.</param>
/// <param name="Value">Its share of its group's value, in the units of v; NaN if nothing could be told.</param>
/// <param name="StandardError">Of <paramref name="Value"/>; null if it cannot be told.</param>
/// <param name="Marginals">What the group's value rests on: differences, or steps of a training.</param>
/// <param name="Group">The player that it is part of.</param>
public sealed record ProxyValue(string Id, double Value, double? StandardError, int Marginals, int Group);
