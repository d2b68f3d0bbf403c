namespace NativeFl.Tokenization;

/// <summary>Reads the decoder entry of a tokenizer.json.</summary>
internal static class DecoderReader
{
    /// <summary>Reads it; where there is none, the splitter decides.</summary>
    public static DecoderKind Read(JsonEntry entry, bool byteLevel) =>
        entry.IsMissing ? new DecoderKind(byteLevel, null, false, false) : Add(entry, new DecoderKind(false, null, false, false));

    private static DecoderKind Add(JsonEntry entry, DecoderKind kind)
    {
        switch (entry["type"].Text())
        {
            case "ByteLevel": return kind with { ByteLevel = true };
            case "ByteFallback": return kind with { ByteFallback = true };
            case "Fuse": return kind;
            case "Metaspace":
                return kind with
                {
                    Mark = PreTokenizerReader.ReadMark(entry),
                    StripFirstSpace = PreTokenizerReader.ReadPrefix(entry) != MetaspacePrefix.Never,
                };
            case "Replace":
                JsonEntry pattern = entry["pattern"]["String"];
                if (pattern.IsMissing || pattern.Text().Length != 1 || entry["content"].Text() != " ")
                    throw entry.Wrong("one character replaced by a space");
                return kind with { Mark = pattern.Text()[0] };
            case "Strip":
                if (entry["content"].Text() != " " || entry["start"].Id() > 1 || entry["stop"].Id() != 0)
                    throw entry.Wrong("at most one space stripped at the start");
                return kind with { StripFirstSpace = entry["start"].Id() == 1 };
            case "Sequence": return entry["decoders"].Items().Aggregate(kind, (current, step) => Add(step, current));
            default: throw entry["type"].Wrong("ByteLevel, ByteFallback, Fuse, Metaspace, Replace, Strip or Sequence");
        }
    }
}
