using System.Text.Json.Nodes;
using NativeFl.Tensors;

namespace NativeFl.Cli;

/// <summary>
/// metrics.jsonl: one object a line, flushed as it comes, so that a run can be watched. A resumed run cuts the lines of steps that it is
/// going to make again.
/// </summary>
internal sealed class MetricsFile : IDisposable
{
    /// <summary>Its name.</summary>
    public const string FileName = "metrics.jsonl";

    private readonly StreamWriter _writer;

    private MetricsFile(StreamWriter writer) => _writer = writer;

    /// <summary>Opens the file of a folder, keeping the lines whose "step" is at most <paramref name="lastStep"/>.</summary>
    public static MetricsFile Open(string folder, int lastStep = 0)
    {
        string path = Path.Combine(folder, FileName);
        string[] kept = lastStep > 0 && File.Exists(path) ? [.. File.ReadLines(path).Where(line => StepOf(path, line) <= lastStep)] : [];
        var writer = new StreamWriter(path, append: false) { AutoFlush = true, NewLine = "\n" };
        foreach (string line in kept) writer.WriteLine(line);
        return new MetricsFile(writer);
    }

    /// <summary>Adds one line.</summary>
    public void Write(JsonObject metrics) => _writer.WriteLine(JsonOutput.Write(metrics));

    /// <inheritdoc/>
    public void Dispose() => _writer.Dispose();

    private static int StepOf(string path, string line)
    {
        try
        {
            return JsonNode.Parse(line)?["step"]?.GetValue<int>() ?? 0;
        }
        catch (System.Text.Json.JsonException e)
        {
            throw new InvalidInputException(path, "one JSON object a line", "another line", e);
        }
    }
}
