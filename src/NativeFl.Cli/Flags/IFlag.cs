using System.CommandLine;
using System.Text.Json.Nodes;

namespace NativeFl.Cli.Flags;

/// <summary>What the parser, the recipe and the run record need of a flag, whatever its value's type.</summary>
internal interface IFlag
{
    /// <summary>With its dashes, such as "--batch-size".</summary>
    string Name { get; }

    /// <summary>What a value looks like, in a command line and in a recipe.</summary>
    FlagShape Shape { get; }

    /// <summary>Makes the parser's option; options belong to one command, so every verb has its own.</summary>
    Option<string[]> ToOption();

    /// <summary>Throws if the value given is not one.</summary>
    void Check(FlagValues values);

    /// <summary>The value in effect, as a recipe writes it; null where nothing is.</summary>
    JsonNode? ToJson(FlagValues values);
}
