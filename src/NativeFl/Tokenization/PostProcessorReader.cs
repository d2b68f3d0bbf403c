using NativeFl.Tensors;

namespace NativeFl.Tokenization;

/// <summary>Reads what the post_processor entry of a tokenizer.json puts around a text.</summary>
internal static class PostProcessorReader
{
    /// <summary>The ids in front of a text. Ids behind it are checked and left to the caller, who knows whether a text is finished.</summary>
    public static IReadOnlyList<int> ReadPrefix(JsonEntry entry, IReadOnlyDictionary<string, int> ids)
    {
        if (entry.IsMissing) return [];
        switch (entry["type"].Text())
        {
            case "ByteLevel": return []; // it only trims offsets
            case "TemplateProcessing": return ReadTemplate(entry, ids);
            case "Sequence":
                // Each processor wraps what the one before made.
                var prefix = new List<int>();
                foreach (JsonEntry step in entry["processors"].Items()) prefix.InsertRange(0, ReadPrefix(step, ids));
                return prefix;
            default: throw entry["type"].Wrong("ByteLevel, TemplateProcessing or Sequence");
        }
    }

    private static List<int> ReadTemplate(JsonEntry entry, IReadOnlyDictionary<string, int> ids)
    {
        var prefix = new List<int>();
        bool behind = false;
        foreach (JsonEntry part in entry["single"].Items())
        {
            if (!part["Sequence"].IsMissing)
            {
                if (behind || part["Sequence"]["id"].Text() != "A") throw part.Wrong("the sequence A, once");
                behind = true;
                continue;
            }

            if (part["SpecialToken"].IsMissing) throw part.Wrong("{\"SpecialToken\": …} or {\"Sequence\": …}");
            string name = part["SpecialToken"]["id"].Text();
            JsonEntry special = entry["special_tokens"][name];
            if (special.IsMissing) throw new InvalidInputException(part.Name, "a name that special_tokens explains", Shown.Text(name));
            foreach (JsonEntry id in special["ids"].Items())
            {
                if (!ids.Values.Contains(id.Id())) throw id.Wrong("the id of a token");
                if (!behind) prefix.Add(id.Id());
            }
        }

        if (!behind) throw entry["single"].Wrong("a template with the sequence A");
        return prefix;
    }
}
