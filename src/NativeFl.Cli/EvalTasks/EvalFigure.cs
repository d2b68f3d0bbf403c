using System.Text.Json.Nodes;

namespace NativeFl.Cli.EvalTasks;

/// <summary>What a task measured.</summary>
/// <param name="Name">"loss" or "accuracy".</param>
/// <param name="Value">The figure.</param>
/// <param name="StandardError">Of it; null where there is none.</param>
/// <param name="Line">The result for people.</param>
/// <param name="Json">The result for scripts.</param>
internal sealed record EvalFigure(string Name, double Value, double? StandardError, string Line, JsonObject Json);
