namespace NativeFl.Cli.Quickstart;

/// <summary>
/// One thing to know. Its statements are what the base model reads while it is pretrained; its questions, each with the same answer,
/// are what the clients teach.
/// </summary>
/// <param name="Category">The kind of task, which the Dirichlet split goes by.</param>
/// <param name="Questions">Ways to ask for it.</param>
/// <param name="Answer">What there is to know, in a word or a few.</param>
/// <param name="Statements">Sentences of plain prose that hold it; the first is how the questions are answered.</param>
internal sealed record Fact(string Category, IReadOnlyList<string> Questions, string Answer, IReadOnlyList<string> Statements);
