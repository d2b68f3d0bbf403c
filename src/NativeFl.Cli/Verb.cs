using System.Text.Json.Nodes;
using NativeFl.Cli.Flags;

namespace NativeFl.Cli;

/// <summary>One verb of the command line.</summary>
/// <param name="Name">What is typed.</param>
/// <param name="Help">One line for --help.</param>
/// <param name="OwnFlags">Its flags, before the shared ones.</param>
/// <param name="Run">Does it; the JSON object is what --json prints.</param>
internal sealed record Verb(string Name, string Help, IReadOnlyList<IFlag> OwnFlags, Func<VerbRun, JsonObject> Run)
{
    /// <summary>Its own flags and the shared ones; an own flag hides a shared one of the same name.</summary>
    public IReadOnlyList<IFlag> Flags { get; } = [.. OwnFlags, .. SharedFlags.All.Where(s => OwnFlags.All(o => o.Name != s.Name))];
}
