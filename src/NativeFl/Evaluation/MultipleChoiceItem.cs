namespace NativeFl.Evaluation;

/// <summary>One question as ids.</summary>
/// <param name="Id">The record's id.</param>
/// <param name="Prompt">Everything before the choice; not scored.</param>
/// <param name="Choices">What may follow it, each of at least one id.</param>
/// <param name="Answer">The index of the right one.</param>
public sealed record MultipleChoiceItem(string Id, int[] Prompt, IReadOnlyList<int[]> Choices, int Answer);
