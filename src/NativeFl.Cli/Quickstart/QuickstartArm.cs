using NativeFl.Federation;

namespace NativeFl.Cli.Quickstart;

/// <summary>One of the runs that the quickstart compares.</summary>
/// <param name="Name">What the report calls it.</param>
/// <param name="Method">How the server aggregates.</param>
/// <param name="Ranks">One a client, or one for all.</param>
internal sealed record QuickstartArm(string Name, IFederationMethod Method, IReadOnlyList<int> Ranks);
