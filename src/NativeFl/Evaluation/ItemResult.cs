namespace NativeFl.Evaluation;

/// <summary>One item of a test, kept so that two models can be compared item by item.</summary>
/// <param name="Id">The record's id.</param>
/// <param name="IsCorrect">Whether the model had it right.</param>
/// <param name="Answer">What the model said: the index of its choice, or the extracted text.</param>
/// <param name="Reference">What was right.</param>
public sealed record ItemResult(string Id, bool IsCorrect, string Answer, string Reference);
