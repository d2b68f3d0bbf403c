using System.Text.Json.Nodes;
using NativeFl.Cli.Flags;

namespace NativeFl.Cli;

/// <summary>One verb of the command line.</summary>
/// <param name="Name">What is typed: a word, or a group's and one of its own ("refine cluster").</param>
/// <param name="Help">One line for --help.</param>
/// <param name="OwnFlags">Its flags, before the shared ones.</param>
/// <param name="Run">Does it; the JSON object is what --json prints.</param>
internal sealed record Verb(string Name, string Help, IReadOnlyList<IFlag> OwnFlags, Func<VerbRun, JsonObject> Run)
{
    /// <summary>The word that it shares with others, or nothing.</summary>
    public string Group => Name.Contains(' ', StringComparison.Ordinal) ? Name[..Name.IndexOf(' ', StringComparison.Ordinal)] : "";

    /// <summary>The word of its own.</summary>
    public string Word => Name[(Name.IndexOf(' ', StringComparison.Ordinal) + 1)..];

    /// <summary>Its own flags and the shared ones; an own flag hides a shared one of the same name.</summary>
    public IReadOnlyList<IFlag> Flags { get; } = [.. OwnFlags, .. SharedFlags.All.Where(s => OwnFlags.All(o => o.Name != s.Name))];
}
