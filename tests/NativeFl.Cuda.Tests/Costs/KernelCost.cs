using System.Text;
using System.Text.RegularExpressions;
using NativeFl.Cuda.Kernels;

namespace NativeFl.Cuda.Tests.Costs;

/// <summary>
/// What the Cost lines of a kernel's header say of one entry point, or of those of both types: its name (? is any letter, * any letters), then
/// clauses of a quantity and an expression (≤ in front of it: no more than that), apart by commas, up to a colon or to the next line that
/// does not begin with a small letter. "with p = own / 2" names what the other clauses use.
/// </summary>
/// <param name="Name">As the header has it: without _f32 or _bf16 where it holds for both.</param>
/// <param name="Clauses">Expressions by quantity.</param>
/// <param name="Names">Expressions and the names given to them, in order.</param>
internal sealed partial record KernelCost(string Name, IReadOnlyDictionary<string, string> Clauses, IReadOnlyList<(string Name, string Formula)> Names)
{
    private const string Prefix = "//            ";

    /// <summary>The costs that a kernel file's header states.</summary>
    public static IReadOnlyList<KernelCost> Read(KernelSource source)
    {
        var items = new List<string>();
        bool isCost = false, isItem = false;
        foreach (string line in Encoding.UTF8.GetString(source.Text).Split('\n'))
        {
            if (!line.StartsWith("//", StringComparison.Ordinal)) break;
            if (line.StartsWith("// Cost ", StringComparison.Ordinal)) isCost = true;
            else if (!line.StartsWith(Prefix, StringComparison.Ordinal)) isCost = false;
            if (!isCost) continue;
            string text = line[Math.Min(line.Length, Prefix.Length)..].Trim();
            if (Item().IsMatch(text)) items.Add(text);
            else if (isItem && text.Length > 0 && char.IsLower(text[0])) items[^1] += " " + text;
            isItem = Item().IsMatch(text) || (isItem && text.Length > 0 && char.IsLower(text[0]));
        }
        return [.. items.Select(Parse)];
    }

    /// <summary>Whether this is about an entry point; types are the last part of a name.</summary>
    public bool Holds(string entry) =>
        Regex.IsMatch(entry, $"^{Name.Replace("*", "\\w*", StringComparison.Ordinal).Replace('?', '.')}(_f32|_bf16)?$", RegexOptions.CultureInvariant);

    private static KernelCost Parse(string item)
    {
        int colon = item.IndexOf(':', StringComparison.Ordinal), name = item.IndexOf(' ', StringComparison.Ordinal);
        string clauses = item[name..(colon < 0 ? item.Length : colon)].TrimEnd('.', ' ');
        ILookup<bool, string> parts = Split(clauses).ToLookup(clause => clause.StartsWith("with ", StringComparison.Ordinal));
        return new KernelCost(
            item[..name], parts[false].ToDictionary(clause => clause.Split(' ')[0], clause => clause[clause.IndexOf(' ', StringComparison.Ordinal)..].Trim()),
            [.. parts[true].Select(clause => clause["with ".Length..].Split('=')).Select(pair => (pair[0].Trim(), pair[1].Trim()))]);
    }

    // At commas that are in no brackets.
    private static IEnumerable<string> Split(string clauses)
    {
        int depth = 0, start = 0;
        for (int i = 0; i <= clauses.Length; i++)
        {
            char c = i < clauses.Length ? clauses[i] : ',';
            depth += c is '(' or '⌈' or '⌊' ? 1 : c is ')' or '⌉' or '⌋' ? -1 : 0;
            if (c != ',' || (depth > 0 && i < clauses.Length)) continue;
            yield return clauses[start..i].Trim();
            start = i + 1;
        }
    }

    [GeneratedRegex(@"^[a-z][a-z0-9_*?]* +(reads|writes) ", RegexOptions.CultureInvariant)]
    private static partial Regex Item();
}
