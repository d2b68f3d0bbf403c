using System.Text.Json;
using System.Text.Json.Nodes;
using NativeFl.Models;
using NativeFl.Tensors;

namespace NativeFl.Cli;

/// <summary>
/// metrics.jsonl: one object a line, flushed as it comes, so that a run can be watched. A resumed run cuts the lines of steps that it is
/// going to make again, and a last line that was cut short.
/// </summary>
internal sealed class MetricsFile : IDisposable
{
    /// <summary>Its name.</summary>
    public const string FileName = "metrics.jsonl";

    private readonly StreamWriter _writer;

    private MetricsFile(string path, IEnumerable<string> lines)
    {
        // Whole or not at all: whoever is killed here must find the old lines.
        AtomicFile.WriteText(path, string.Concat(lines.Select(line => line + "\n")));
        _writer = new StreamWriter(path, append: true) { AutoFlush = true, NewLine = "\n" };
    }

    /// <summary>Makes the file of a folder, with these lines and no others.</summary>
    public static MetricsFile Create(string folder, IEnumerable<JsonObject> lines) =>
        new(Path.Combine(folder, FileName), lines.Select(line => JsonOutput.Write(line)));

    /// <summary>Opens the file of a folder, keeping the lines whose "step" is at most <paramref name="lastStep"/>.</summary>
    public static MetricsFile Open(string folder, int lastStep)
    {
        string path = Path.Combine(folder, FileName);
        return new MetricsFile(path, lastStep > 0 && File.Exists(path) ? Kept(path, lastStep) : []);
    }

    /// <summary>Adds one line.</summary>
    public void Write(JsonObject metrics) => _writer.WriteLine(JsonOutput.Write(metrics));

    /// <inheritdoc/>
    public void Dispose() => _writer.Dispose();

    private static List<string> Kept(string path, int lastStep)
    {
        List<string> kept = [];
        string[] lines = File.ReadAllLines(path);
        for (int i = 0; i < lines.Length; i++)
        {
            int? step = StepOf(lines[i]);
            if (step <= lastStep) kept.Add(lines[i]);
            if (step is null && i < lines.Length - 1)
                throw new InvalidInputException($"{path}:{i + 1}", "one JSON object with a step a line", "another line");
        }

        return kept;
    }

    /// <summary>The step of a line, or null if it is none of ours, or only a part of one.</summary>
    private static int? StepOf(string line)
    {
        try
        {
            return JsonNode.Parse(line) is JsonObject json && json["step"] is JsonValue value && value.TryGetValue(out int step) ? step : null;
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException or ArgumentException)
        {
            return null;
        }
    }
}
