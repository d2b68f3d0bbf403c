using System.CommandLine;
using System.Text.Json.Nodes;
using NativeFl.Tensors;

namespace NativeFl.Cli.Flags;

/// <summary>One flag of the command line; the same thing, in camel case, is a member of a recipe.</summary>
internal sealed record Flag<T>(string Name, FlagType<T> Type, T Default, string Help) : IFlag
{
    /// <summary>Whether a run without it is an error.</summary>
    public bool IsRequired { get; init; }

    /// <inheritdoc/>
    public FlagShape Shape => Type.Shape;

    /// <inheritdoc/>
    public Option<string[]> ToOption() => new(Name)
    {
        Description = IsRequired ? $"{Help} (required)" : Help,
        HelpName = Type.HelpName,
        Arity = Type.Shape switch
        {
            FlagShape.Switch => ArgumentArity.Zero,
            FlagShape.Paths => ArgumentArity.OneOrMore,
            _ => ArgumentArity.ExactlyOne,
        },
        AllowMultipleArgumentsPerToken = Type.Shape == FlagShape.Paths,

        // Values are read by FlagType, which knows where they come from; the parser only collects them.
        CustomParser = static result => [.. result.Tokens.Select(t => t.Value)],
    };

    /// <inheritdoc/>
    public void Check(FlagValues values) => Read(values);

    /// <inheritdoc/>
    public JsonNode? ToJson(FlagValues values) => Type.Write(Read(values));

    /// <summary>The value given, or the default.</summary>
    public T Read(FlagValues values)
    {
        FlagText? text = values.Find(Name);
        if (text is not null) return Type.Parse(text);
        if (IsRequired) throw Missing(Type.HelpName);
        return Default;
    }

    /// <summary>What is said where a run needs it and it was not given.</summary>
    public InvalidInputException Missing(string expected) => new(Name, expected, "nothing (the flag is missing)");
}
