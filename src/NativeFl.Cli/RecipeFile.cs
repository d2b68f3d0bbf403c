using System.Text.Json;
using NativeFl.Cli.Flags;
using NativeFl.Tensors;

namespace NativeFl.Cli;

/// <summary>
/// A recipe: one strict JSON object whose members are flags without dashes in camel case ("batchSize"). "$comment" is free text; any
/// other unknown member is an error.
/// </summary>
internal static class RecipeFile
{
    private const string Comment = "$comment";

    /// <summary>The member that a flag is: "--batch-size" → "batchSize".</summary>
    public static string MemberOf(string flagName)
    {
        string[] words = flagName.TrimStart('-').Split('-');
        return words[0] + string.Concat(words.Skip(1).Select(w => char.ToUpperInvariant(w[0]) + w[1..]));
    }

    /// <summary>The flags that the file sets, by name.</summary>
    public static Dictionary<string, FlagText> Read(string path, Verb verb)
    {
        using JsonDocument document = JsonInput.Read(path, allowTwice: true);
        if (document.RootElement.ValueKind != JsonValueKind.Object)
            throw new InvalidInputException(path, "a JSON object", Describe(document.RootElement));
        Dictionary<string, FlagText> values = [];
        foreach (JsonProperty member in document.RootElement.EnumerateObject())
        {
            if (member.Name == Comment) continue;
            string source = $"{path}: $.{member.Name}";
            IFlag flag = verb.Flags.FirstOrDefault(f => f.Name != SharedFlags.Recipe.Name && MemberOf(f.Name) == member.Name)
                ?? throw new InvalidInputException(source, $"a flag of '{verb.Name}' in camel case", "an unknown member");
            if (!values.TryAdd(flag.Name, new FlagText(source, Tokens(source, flag, member.Value))))
                throw new InvalidInputException(source, "every member once", "it twice");
        }

        return values;
    }

    private static string[] Tokens(string source, IFlag flag, JsonElement value)
    {
        string[]? tokens = (flag.Shape, value.ValueKind) switch
        {
            (FlagShape.Switch, JsonValueKind.True) => ["true"],
            (FlagShape.Switch, JsonValueKind.False) => ["false"],
            (FlagShape.Number or FlagShape.NumberOrText or FlagShape.List, JsonValueKind.Number) => [value.GetRawText()],
            (FlagShape.Text or FlagShape.NumberOrText or FlagShape.List or FlagShape.Paths, JsonValueKind.String) => [value.GetString()!],
            (FlagShape.List or FlagShape.Paths, JsonValueKind.Array) => Items(source, value),
            _ => null,
        };
        return tokens ?? throw new InvalidInputException(source, Expected(flag.Shape), Describe(value));
    }

    private static string[] Items(string source, JsonElement array)
    {
        if (array.GetArrayLength() == 0) throw new InvalidInputException(source, "at least one item", "an empty array");
        return [.. array.EnumerateArray().Select(item => item.ValueKind switch
        {
            JsonValueKind.Number => item.GetRawText(),
            JsonValueKind.String => item.GetString()!,
            _ => throw new InvalidInputException(source, "an array of numbers or texts", Describe(item)),
        })];
    }

    private static string Expected(FlagShape shape) => shape switch
    {
        FlagShape.Switch => "true or false",
        FlagShape.Number => "a number",
        FlagShape.Text => "a text",
        FlagShape.NumberOrText => "a number or a text",
        _ => "an array",
    };

    private static string Describe(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.Object => "an object",
        JsonValueKind.Array => "an array",
        JsonValueKind.Null => "null",
        _ => value.GetRawText(),
    };
}
