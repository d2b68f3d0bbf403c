using NativeFl.Evaluation;
using NativeFl.LayerDropping;

namespace NativeFl.Cli.EvalTasks;

/// <summary>One count of a sweep.</summary>
/// <param name="Count">How many were to go.</param>
/// <param name="Choice">What goes.</param>
/// <param name="Figure">How good the model is without it.</param>
/// <param name="Decode">How fast it generates, by number of sequences.</param>
internal sealed record SweepRow(int Count, DropChoice Choice, EvalFigure Figure, IReadOnlyList<DecodeResult> Decode);
