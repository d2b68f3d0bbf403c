using NativeFl.Models;

namespace NativeFl.Federation;

/// <summary>What one client brings to an aggregation.</summary>
/// <param name="Id">The client; aggregation goes in the order of ids, so that the order of arrival does not matter.</param>
/// <param name="Weight">Its say before normalisation, such as its number of examples. Zero: it is skipped, whatever it holds.</param>
/// <param name="Adapter">Its adapter. Modules it did not train are absent.</param>
public sealed record ClientContribution(int Id, double Weight, AdapterWeights Adapter);
