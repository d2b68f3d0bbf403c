using System.Text.Json.Nodes;
using NativeFl.Evaluation;

namespace NativeFl.Cli.EvalTasks;

/// <summary>An accuracy as eval prints it.</summary>
internal static class AccuracyFigure
{
    public static EvalFigure Of(AccuracyResult result)
    {
        string line = $"accuracy {Figures.WithError(result.Accuracy, result.StandardError)}, {result.Count} items";
        return new EvalFigure("accuracy", result.Accuracy, result.StandardError, line, new JsonObject
        {
            ["accuracy"] = JsonOutput.Number(result.Accuracy),
            ["stderr"] = JsonOutput.Number(result.StandardError),
            ["count"] = result.Count,
        });
    }
}
