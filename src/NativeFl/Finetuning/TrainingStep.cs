namespace NativeFl.Finetuning;

/// <summary>One optimiser step of one client.</summary>
/// <param name="Client">The task's id.</param>
/// <param name="Step">From 1.</param>
/// <param name="TotalSteps">Of the client's run.</param>
/// <param name="Loss">Mean over the counted tokens, before the step.</param>
/// <param name="LearningRate">Of this step.</param>
/// <param name="GradNorm">Before clipping.</param>
/// <param name="Tokens">Token rows of this step.</param>
public sealed record TrainingStep(string Client, int Step, int TotalSteps, double Loss, double LearningRate, double GradNorm, long Tokens);
