namespace NativeFl.Evaluation;

/// <summary>One question as ids, and the answer that a right output has.</summary>
/// <param name="Id">The record's id.</param>
/// <param name="Prompt">What the model goes on from.</param>
/// <param name="Reference">The answer in full, from which the same pattern extracts what counts.</param>
public sealed record ExactMatchItem(string Id, int[] Prompt, string Reference);
