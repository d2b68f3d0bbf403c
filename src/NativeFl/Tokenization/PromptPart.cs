namespace NativeFl.Tokenization;

/// <summary>A stretch of a prompt: the template's own words, in which added tokens count, or a record's text, in which they never do.</summary>
internal readonly record struct PromptPart(string Text, bool IsField);
