using System.Text.Json;

namespace NativeFl.Benchmarks.Gpu;

/// <summary>A line of <c>results.jsonl</c>, as <see cref="Measurement"/> and <c>bench/peers</c> write it.</summary>
internal sealed record ResultLine(
    string Case, string Item, string System, string Setting, string Unit,
    double Median, double Low, double High, double Roof, long PeakBytes, double[] Losses, double[] GradNorms)
{
    public bool IsOurs => System == Measurement.System;

    /// <exception cref="FormatException">What is there is not such a line; names the file and the line.</exception>
    public static ResultLine[] ReadAll(string file)
    {
        List<ResultLine> lines = [];
        foreach (string text in File.ReadLines(file))
        {
            try
            {
                using var document = JsonDocument.Parse(text);
                lines.Add(Read(document.RootElement));
            }
            catch (Exception e) when (e is JsonException or InvalidOperationException or KeyNotFoundException or FormatException)
            {
                throw new FormatException($"{file}, line {lines.Count + 1}: expected a result, got {text[..Math.Min(text.Length, 80)]}", e);
            }
        }
        return [.. lines];
    }

    private static ResultLine Read(JsonElement line)
    {
        string Text(string member) => line.GetProperty(member).GetString() ?? "";
        double Value(string member) => line.GetProperty(member).GetDouble();
        double[] Values(string member) => [.. line.GetProperty(member).EnumerateArray().Select(value => value.GetDouble())];
        return new ResultLine(
            Text("case"), Text("item"), Text("system"), Text("setting"), Text("unit"),
            Value("median"), Value("p10"), Value("p90"), Value("roof"), line.GetProperty("peak_bytes").GetInt64(), Values("losses"), Values("grad_norms"));
    }
}
