namespace NativeFl.Cli.Quickstart;

/// <summary>Words in an order that everybody knows; the last of a ring is followed by the first.</summary>
internal sealed record WordOrder(IReadOnlyList<string> Items, bool IsRing);
