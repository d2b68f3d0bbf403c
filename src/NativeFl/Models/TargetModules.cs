using System.Text.Json;
using System.Text.Json.Nodes;
using NativeFl.Tensors;

namespace NativeFl.Models;

/// <summary>
/// Which linear layers an adapter is on, as PEFT's target_modules says it: every one ("all-linear"), a list of names or ends of names
/// ("q_proj", "mlp.down_proj", "model.layers.3.self_attn.q_proj"), or a regular expression over whole names.
/// </summary>
public sealed record TargetModules
{
    private const string Everything = "all-linear";

    private readonly string _text;
    private readonly HashSet<string>? _names;
    private readonly ModulePattern? _pattern;

    private TargetModules(string text, IEnumerable<string>? names, ModulePattern? pattern)
    {
        _text = text;
        _names = names?.ToHashSet(StringComparer.Ordinal);
        _pattern = pattern;
    }

    /// <summary>Every linear layer of the blocks.</summary>
    public static TargetModules All => new(Everything, null, null);

    /// <summary>Whether this is "all-linear".</summary>
    public bool IsAll => _names is null && _pattern is null;

    /// <summary>The listed names, or null.</summary>
    public IReadOnlyCollection<string>? Names => _names;

    /// <summary>
    /// Reads the value of a flag: "all-linear", names separated by commas, a JSON list of names, or else a regular expression.
    /// </summary>
    /// <exception cref="InvalidInputException">A listed name is no layer of any block, or the pattern is no regular expression.</exception>
    public static TargetModules Parse(string flagOrJson)
    {
        const string Flag = "--target-modules";
        string text = flagOrJson.Trim();
        if (text == Everything) return All;
        string[] names = text.Split(',', StringSplitOptions.TrimEntries);
        if (text.StartsWith('[') && ParseList(text) is { } listed) names = listed;
        else if (!text.All(c => IsPlain(c) || c is ',' or ' ')) return new TargetModules(text, null, new ModulePattern(text, Flag));
        foreach (string name in names)
        {
            if (!IsLayer(name)) throw new InvalidInputException(Flag, Choices(), JsonFile.Quote(name));
        }

        return new TargetModules(string.Join(',', names), names, null);
    }

    /// <summary>Whether the adapter is on a layer.</summary>
    /// <exception cref="InvalidInputException">The pattern takes too long.</exception>
    public bool Matches(ModuleId module) => Matches(module.Name);

    /// <inheritdoc/>
    public override string ToString() => _text;

    /// <summary>The value of target_modules or exclude_modules in a file, or null if it is null or missing.</summary>
    internal static TargetModules? Read(JsonFields fields, string name)
    {
        if (fields.Json[name] is not { } node) return null;
        if (node is JsonArray)
        {
            IReadOnlyList<string> names = fields.OptionalStrings(name)!;
            return new TargetModules(string.Join(',', names), names, null);
        }

        string text = node is JsonValue value && value.TryGetValue(out string? pattern)
            ? pattern : throw fields.Error(name, $"\"{Everything}\", a list of names or a regular expression");
        return text == Everything ? All : new TargetModules(text, null, new ModulePattern(text, $"{fields.Source}: {fields.Prefix}{name}"));
    }

    /// <summary>Whether a module's whole name is listed, so that it is meant whatever else is said about layers.</summary>
    internal bool Lists(string module) => _names is not null && _names.Contains(module);

    internal bool Matches(string module)
    {
        if (_pattern is not null) return _pattern.IsMatch(module);
        if (_names is null || _names.Contains(module)) return true;
        for (int dot = module.IndexOf('.', StringComparison.Ordinal); dot >= 0; dot = module.IndexOf('.', dot + 1))
        {
            if (_names.Contains(module[(dot + 1)..])) return true;
        }

        return false;
    }

    private static bool IsPlain(char c) => char.IsAsciiLetterOrDigit(c) || c is '_' or '.';

    // A name with a layer number is compared with that layer's modules, any other with those of layer 0.
    private static bool IsLayer(string name)
    {
        string? number = Array.Find(name.Split('.'), part => int.TryParse(part, System.Globalization.NumberStyles.None, null, out _));
        int layer = number is null ? 0 : int.Parse(number, System.Globalization.CultureInfo.InvariantCulture);
        return Enumerable.Range(0, ModuleId.ProjectionCount)
            .Any(p => ("." + new ModuleId(layer, (Projection)p).Name).EndsWith("." + name, StringComparison.Ordinal));
    }

    private static string Choices() => $"{Everything}, a pattern, or names among "
        + string.Join(", ", Enumerable.Range(0, ModuleId.ProjectionCount).Select(p => ModuleId.ShortName((Projection)p)));

    private static string[]? ParseList(string text)
    {
        try
        {
            using JsonDocument document = JsonDocument.Parse(text);
            if (document.RootElement.EnumerateArray().Any(item => item.ValueKind != JsonValueKind.String)) return null;
            return [.. document.RootElement.EnumerateArray().Select(item => item.GetString()!)];
        }
        catch (JsonException)
        {
            return null;
        }
    }
}
