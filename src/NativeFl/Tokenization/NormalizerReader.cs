using System.Text;

namespace NativeFl.Tokenization;

/// <summary>Reads the normalizer entry of a tokenizer.json.</summary>
internal static class NormalizerReader
{
    /// <summary>Reads a normaliser; null where there is none.</summary>
    public static INormalizer? Read(JsonEntry entry)
    {
        if (entry.IsMissing) return null;
        switch (entry["type"].Text())
        {
            case "NFC": return new UnicodeNormalizer(NormalizationForm.FormC, entry.Name);
            case "NFD": return new UnicodeNormalizer(NormalizationForm.FormD, entry.Name);
            case "NFKC": return new UnicodeNormalizer(NormalizationForm.FormKC, entry.Name);
            case "NFKD": return new UnicodeNormalizer(NormalizationForm.FormKD, entry.Name);
            case "Prepend": return new PrependNormalizer(entry["prepend"].Text());
            case "Replace": return new ReplaceNormalizer(ReadPattern(entry["pattern"]), entry["content"].Text());
            case "Sequence":
                INormalizer[] steps = [.. entry["normalizers"].Items().Select(Read).OfType<INormalizer>()];
                return steps.Length == 0 ? null : new SequenceNormalizer(steps);
            default: throw entry["type"].Wrong("NFC, NFD, NFKC, NFKD, Prepend, Replace or Sequence");
        }
    }

    /// <summary>{"String": …} or {"Regex": …}.</summary>
    internal static UnicodePattern ReadPattern(JsonEntry entry)
    {
        if (!entry["String"].IsMissing) return new UnicodePattern(entry["String"].Text(), entry.Name, literal: true);
        if (!entry["Regex"].IsMissing) return new UnicodePattern(entry["Regex"].Text(), entry.Name);
        throw entry.Wrong("{\"String\": …} or {\"Regex\": …}");
    }
}
