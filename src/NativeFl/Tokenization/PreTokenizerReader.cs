namespace NativeFl.Tokenization;

/// <summary>Reads the pre_tokenizer entry of a tokenizer.json.</summary>
internal static class PreTokenizerReader
{
    /// <summary>Reads a splitter; null where there is none.</summary>
    public static IPreTokenizer? Read(JsonEntry entry)
    {
        if (entry.IsMissing) return null;
        switch (entry["type"].Text())
        {
            case "ByteLevel":
                UnicodePattern? gpt2 = entry["use_regex"].Flag(true) ? new UnicodePattern(ByteLevelPreTokenizer.Gpt2Pattern, entry.Name) : null;
                return new ByteLevelPreTokenizer(entry["add_prefix_space"].Flag(true), gpt2);
            case "Split":
                return new SplitPreTokenizer(
                    NormalizerReader.ReadPattern(entry["pattern"]), ReadBehavior(entry["behavior"]), entry["invert"].Flag(false));
            case "Digits":
                bool each = entry["individual_digits"].Flag(false);
                return new SplitPreTokenizer(
                    new UnicodePattern(@"\p{N}", entry.Name), each ? SplitBehavior.Isolated : SplitBehavior.Contiguous, false);
            case "Metaspace": return ReadMetaspace(entry);
            case "Sequence":
                IPreTokenizer[] steps = [.. entry["pretokenizers"].Items().Select(Read).OfType<IPreTokenizer>()];
                return steps.Length == 0 ? null : new SequencePreTokenizer(steps);
            default: throw entry["type"].Wrong("ByteLevel, Split, Digits, Metaspace or Sequence");
        }
    }

    /// <summary>Whether words come out in the byte-level alphabet.</summary>
    public static bool IsByteLevel(JsonEntry entry)
    {
        if (entry.IsMissing) return false;
        string type = entry["type"].Text();
        return type == "ByteLevel" || (type == "Sequence" && entry["pretokenizers"].Items().Any(IsByteLevel));
    }

    /// <summary>The one character that Metaspace puts in place of a space.</summary>
    internal static char ReadMark(JsonEntry entry)
    {
        string mark = entry["replacement"].OptionalText() ?? "\u2581";
        return mark.Length == 1 ? mark[0] : throw entry["replacement"].Wrong("one character");
    }

    /// <summary>prepend_scheme, or add_prefix_space of older files.</summary>
    internal static MetaspacePrefix ReadPrefix(JsonEntry entry)
    {
        if (entry["prepend_scheme"].IsMissing) return entry["add_prefix_space"].Flag(true) ? MetaspacePrefix.Always : MetaspacePrefix.Never;
        return entry["prepend_scheme"].Text() switch
        {
            "always" => MetaspacePrefix.Always,
            "first" => MetaspacePrefix.First,
            "never" => MetaspacePrefix.Never,
            _ => throw entry["prepend_scheme"].Wrong("always, first or never"),
        };
    }

    private static MetaspacePreTokenizer ReadMetaspace(JsonEntry entry) =>
        new(ReadMark(entry), ReadPrefix(entry), entry["split"].Flag(true));

    private static SplitBehavior ReadBehavior(JsonEntry entry) => entry.Text() switch
    {
        "Isolated" => SplitBehavior.Isolated,
        "Removed" => SplitBehavior.Removed,
        "MergedWithPrevious" => SplitBehavior.MergedWithPrevious,
        "MergedWithNext" => SplitBehavior.MergedWithNext,
        "Contiguous" => SplitBehavior.Contiguous,
        _ => throw entry.Wrong("Isolated, Removed, MergedWithPrevious, MergedWithNext or Contiguous"),
    };
}
