using System.Text.Json.Nodes;

namespace NativeFl.Models;

/// <summary>
/// PEFT's rank_pattern and alpha_pattern: values by module, where a key stands for every module whose name, or the end of whose name
/// after a dot, it matches as a regular expression. The first key that matches counts.
/// </summary>
internal sealed class ModuleValues
{
    private readonly List<(string Key, ModulePattern? Pattern, double Value)> _rules = [];

    public ModuleValues(JsonFields? fields, Func<JsonFields, string, double> read)
    {
        if (fields is not { } present) return;
        foreach ((string key, JsonNode? _) in present.Json)
        {
            bool isPlain = key.All(c => char.IsAsciiLetterOrDigit(c) || c is '_' or '.');
            string where = $"{present.Source}: {present.Prefix.TrimEnd('.')}";
            _rules.Add((key, isPlain ? null : new ModulePattern($@"(.*\.)?({key})", where), read(present, key)));
        }
    }

    public double? For(string module)
    {
        foreach ((string key, ModulePattern? pattern, double value) in _rules)
        {
            if (pattern?.IsMatch(module) ?? EndsWith(module, key)) return value;
        }

        return null;
    }

    // The same as the regular expression, without one: a dot in the key stands for any character.
    private static bool EndsWith(string module, string key)
    {
        int start = module.Length - key.Length;
        if (start < 0 || (start > 0 && module[start - 1] != '.')) return false;
        for (int i = 0; i < key.Length; i++)
        {
            if (key[i] != '.' && key[i] != module[start + i]) return false;
        }

        return true;
    }
}
