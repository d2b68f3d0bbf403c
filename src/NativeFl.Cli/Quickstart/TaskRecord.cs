using System.Text.Json.Nodes;

namespace NativeFl.Cli.Quickstart;

/// <summary>One question and its answer.</summary>
/// <param name="Id">Unique in its file.</param>
/// <param name="Category">The kind of task.</param>
/// <param name="Question">What is asked.</param>
/// <param name="Answer">The whole answer.</param>
internal sealed record TaskRecord(string Id, string Category, string Question, string Answer)
{
    /// <summary>The record as a line of JSONL.</summary>
    public string ToJsonLine() => JsonOutput.Write(new JsonObject
    {
        ["id"] = Id,
        ["category"] = Category,
        ["question"] = Question,
        ["answer"] = Answer,
    });
}
