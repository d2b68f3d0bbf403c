namespace NativeFl.Cli.Quickstart;

/// <summary>Two words that belong together.</summary>
internal readonly record struct WordPair(string First, string Second);
