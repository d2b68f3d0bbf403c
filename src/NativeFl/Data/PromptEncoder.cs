using NativeFl.Tensors;
using NativeFl.Tokenization;

namespace NativeFl.Data;

/// <summary>
/// Turns records into token sequences by a template. Added tokens are parsed in the template's own text only: the spelling of one inside
/// a field stays ordinary text, so a record cannot end its own turn or start another's. Prompt and answer are encoded apart, so that
/// what the model is trained on begins exactly as what it is asked to continue.
/// </summary>
public sealed class PromptEncoder
{
    private static readonly RecordFormat PairFormat = new("question", "prompt", null, "answer");

    private readonly Tokenizer _tokenizer;
    private readonly PromptOptions _options;
    private readonly PromptTemplate? _template;

    /// <summary>Checks the options.</summary>
    /// <exception cref="InvalidInputException">--template has no place for the answer, or --max-length is below 2.</exception>
    public PromptEncoder(Tokenizer tokenizer, PromptOptions options)
    {
        ArgumentNullException.ThrowIfNull(tokenizer);
        ArgumentNullException.ThrowIfNull(options);
        if (options.MaxLength < 2) throw new InvalidInputException("--max-length", "at least 2", $"{options.MaxLength}");
        _tokenizer = tokenizer;
        _options = options;
        if (options.Template is null) return;
        _template = new PromptTemplate(options.Template);
        if (_template.Fields.Count == 0) throw new InvalidInputException("--template", "text with {prompt}, {answer} or {field}", Shown.Text(options.Template));
    }

    /// <summary>A record with its labels, cut at MaxLength.</summary>
    /// <exception cref="InvalidInputException">A missing field, an empty answer, or nothing left to learn; names file and line.</exception>
    public TokenizedExample Encode(DataRecord record)
    {
        ArgumentNullException.ThrowIfNull(record);
        TokenizedExample whole = EncodeWhole(record);
        int length = Math.Min(whole.InputIds.Length, _options.MaxLength);
        TokenizedExample example = length == whole.InputIds.Length
            ? whole
            : whole with { InputIds = whole.InputIds[..length], Labels = whole.Labels[..length] };
        if (example.CountedTokens > 0) return example;
        throw new InvalidInputException(
            record.Place,
            $"something left to learn within --max-length {_options.MaxLength}",
            $"an answer that begins at token {Array.FindIndex(whole.Labels, label => label != TokenizedExample.Ignored)} of {whole.Labels.Length}");
    }

    /// <summary>What comes before a record's answer, not cut: what generation continues.</summary>
    /// <exception cref="InvalidInputException">A missing field; names file and line.</exception>
    public int[] EncodePrompt(DataRecord record)
    {
        ArgumentNullException.ThrowIfNull(record);
        RecordFormat format = RecordFormat.Of(record, _options);
        (List<PromptPart> prompt, _) = Parts(_template ?? PromptTemplate.For(record, _options), format, name => Value(record, format, name));
        return [.. WithPrefix(prompt)];
    }

    /// <summary>What comes before the answer to a bare prompt.</summary>
    /// <exception cref="InvalidInputException">--template needs other fields.</exception>
    public int[] EncodePrompt(string prompt)
    {
        ArgumentNullException.ThrowIfNull(prompt);
        return [.. WithPrefix(PairParts(prompt, "").Prompt)];
    }

    /// <summary>The prompt of an exact-match record, with the record's own fields where it came from a file.</summary>
    public int[] EncodePrompt(ExactMatchRecord record)
    {
        ArgumentNullException.ThrowIfNull(record);
        return record.Source is { } source ? EncodePrompt(source) : EncodePrompt(record.Prompt);
    }

    /// <summary>A question with one of its choices; exactly the tokens of the choice are counted, and nothing comes behind it.</summary>
    /// <exception cref="InvalidInputException">--template needs other fields than {prompt}, {question} and {answer}.</exception>
    public TokenizedExample EncodeChoice(MultipleChoiceRecord record, int choice)
    {
        ArgumentNullException.ThrowIfNull(record);
        (List<PromptPart> prompt, List<PromptPart> answer) = PairParts(record.Question, record.Choices[choice]);
        if (answer.Count == 0) throw new InvalidInputException("--template", "a place for {answer}", Shown.Text(_options.Template ?? ""));
        List<int> ids = WithPrefix(prompt);
        int start = ids.Count;
        _tokenizer.EncodeParts(answer.TakeWhile(p => p.IsField).Take(1), Continues(ids), ids);
        return new TokenizedExample(record.Id, [.. ids], Labels(ids, start));
    }

    internal bool IsPlainText(DataRecord record) => RecordFormat.Of(record, _options).Name == RecordFormat.PlainText;

    /// <summary>A record with its labels, however long.</summary>
    internal TokenizedExample EncodeWhole(DataRecord record)
    {
        RecordFormat format = RecordFormat.Of(record, _options);
        PromptTemplate template = _template ?? PromptTemplate.For(record, _options);
        (List<PromptPart> prompt, List<PromptPart> answer) = Parts(template, format, name => Value(record, format, name));
        if (answer.Count == 0 && !_options.TrainOnPrompt)
            throw new InvalidInputException("--template", "a place for {answer} (or --train-on-prompt)", Shown.Text(template.Text));
        List<int> ids = WithPrefix(prompt);
        int start = ids.Count;
        _tokenizer.EncodeParts(answer, Continues(ids), ids);
        if (_template is null && _tokenizer.EosId is { } eos) ids.Add(eos);
        bool all = _options.TrainOnPrompt || format.Name == RecordFormat.PlainText;
        return new TokenizedExample(record.Id, [.. ids], Labels(ids, all ? 0 : start)) { Fields = ShortFields(record) };
    }

    private (List<PromptPart> Prompt, List<PromptPart> Answer) PairParts(string prompt, string answer)
    {
        PromptTemplate template = _template ?? PromptTemplate.Default(PairFormat, false);
        return Parts(template, PairFormat, name => name switch
        {
            "prompt" or "question" => prompt,
            "answer" => answer,
            _ when name == _options.PromptField => prompt,
            _ when name == _options.AnswerField => answer,
            _ => throw new InvalidInputException("--template", "{prompt} and {answer} only, for this kind of record", $"{{{name}}}"),
        });
    }

    // The answer begins at its first place in the template and runs to the end.
    private static (List<PromptPart> Prompt, List<PromptPart> Answer) Parts(PromptTemplate template, RecordFormat format, Func<string, string> value)
    {
        var prompt = new List<PromptPart>();
        var answer = new List<PromptPart>();
        List<PromptPart> current = prompt;
        foreach ((string text, bool isField) in template.Segments)
        {
            if (isField && (text == "answer" || text == format.Answer)) current = answer;
            current.Add(new PromptPart(isField ? value(text) : text, isField));
        }

        return (prompt, answer);
    }

    internal static string Value(DataRecord record, RecordFormat format, string name)
    {
        if (name == "answer" || name == format.Answer)
        {
            string answer = record.Text(format.Answer);
            return string.IsNullOrWhiteSpace(answer)
                ? throw new InvalidInputException($"{record.Place}: {format.Answer}", "an answer", "an empty one")
                : answer;
        }

        if (name != "prompt" || format.Prompt is null) return record.Text(name);
        string prompt = record.Text(format.Prompt);
        bool context = format.Context is { } field && record.Has(field) && record.Text(field).Length > 0;
        return context ? prompt + "\n\n" + record.Text(format.Context!) : prompt;
    }

    private List<int> WithPrefix(List<PromptPart> prompt)
    {
        var ids = new List<int>();
        _tokenizer.EncodeParts(prompt, TextPosition.Start, ids);
        // A template that spells the beginning-of-text token itself does not get a second one.
        ReadOnlySpan<int> prefix = _tokenizer.Prefix;
        bool there = ids.Count >= prefix.Length && prefix.SequenceEqual(System.Runtime.InteropServices.CollectionsMarshal.AsSpan(ids)[..prefix.Length]);
        if (!there) ids.InsertRange(0, prefix);
        return ids;
    }

    private TextPosition Continues(List<int> ids) => ids.Count == 0 || ids.Count == _tokenizer.Prefix.Length
        ? TextPosition.Start
        : _tokenizer.IsAddedToken(ids[^1]) ? TextPosition.AfterToken : TextPosition.Continuation;

    private static int[] Labels(List<int> ids, int start)
    {
        int[] labels = [.. ids];
        labels.AsSpan(0, start).Fill(TokenizedExample.Ignored);
        return labels;
    }

    // What partitions and reports may go by: labels, not texts.
    private static Dictionary<string, string> ShortFields(DataRecord record)
    {
        const int longest = 128;
        var fields = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach ((string name, System.Text.Json.Nodes.JsonNode? node) in record.Fields)
        {
            if (DataRecord.Scalar(node) is { Length: <= longest } value) fields[name] = value;
        }

        return fields;
    }
}
