namespace NativeFl.Valuation;

/// <summary>What one player is worth.</summary>
/// <param name="Value">The estimate, in the units of v; NaN if every marginal was left out.</param>
/// <param name="StandardError">Of the sampling of coalitions (not of what is random in v itself); 0 if nothing was sampled, null if it cannot be told.</param>
/// <param name="Marginals">Differences (for regressions and Banzhaf: values) that it rests on.</param>
public readonly record struct PlayerValue(double Value, double? StandardError, int Marginals);
