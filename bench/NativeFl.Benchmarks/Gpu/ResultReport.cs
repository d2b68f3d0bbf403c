using System.Text.Json;

namespace NativeFl.Benchmarks.Gpu;

/// <summary>
/// The tables of <c>bench/results/README.md</c> from what <c>bench/gpu/run.sh</c> left in folders of <c>results.jsonl</c> and
/// <c>environment.json</c>; several folders are calls on one machine that add up. Without any the tables say that nothing is measured yet.
/// </summary>
internal static class ResultReport
{
    private const string GateAlone = "--gate";

    // gpu-report [--gate] DIR…
    /// <summary>Writes the tables, or with <c>--gate</c> the last of them alone, which needs no <c>environment.json</c> and no GPU.</summary>
    /// <returns>0; 1 if a case's training steps are not the peer's (<see cref="StepGate"/>); 2 if the folders hold no results of a GPU.</returns>
    public static int Run(ReadOnlySpan<string> words, TextWriter output, TextWriter errors)
    {
        bool isGateAlone = words.Contains(GateAlone);
        string[] folders = [.. words.ToArray().Where(word => word != GateAlone)];
        try
        {
            ResultLine[] lines = [.. folders.SelectMany(folder => ResultLine.ReadAll(Path.Combine(folder, "results.jsonl")))];
            if (!isGateAlone) WriteFigures(folders, lines, output);
            IReadOnlyList<StepJudgement> judgements = StepGate.Judge(lines);
            ResultTables.Write(judgements, output);
            foreach (StepJudgement judged in judgements.Where(judged => !judged.IsSame)) errors.WriteLine($"report: {judged.Case} [{judged.Peer}]: {judged.Verdict}");
            return judgements.All(judged => judged.IsSame) ? 0 : 1;
        }
        catch (Exception e) when (e is IOException or FormatException or JsonException)
        {
            errors.WriteLine($"report: {e.Message}");
            return 2;
        }
    }

    private static void WriteFigures(string[] folders, ResultLine[] lines, TextWriter output)
    {
        JsonElement[] environments = [.. folders.Select(folder => JsonDocument.Parse(File.ReadAllText(Path.Combine(folder, "environment.json"))).RootElement)];
        if (environments.Any(environment => Text(environment, "gpu") is "" or "none"))
            throw new FormatException("these results are of a machine without a GPU: they belong in no table");
        output.WriteLine("""
            # Results

            Figures with date, commit, device and command. What belongs beside them, and the rules of measuring, is in [NOTES.md](NOTES.md).

            - [CPU](cpu.md)
            - GPU: below, written by `bench/gpu/report.sh`

            ## GPU
            """);
        output.WriteLine();
        if (environments.Length == 0)
            output.WriteLine("Not measured yet: `bench/gpu/pack.sh` makes the archive, `bench/gpu/run.sh` on a machine with a GPU fills these tables.");
        foreach (JsonElement environment in environments)
        {
            output.WriteLine(
                $"- {Text(environment, "date")}, commit {Text(environment, "commit")}, {Text(environment, "gpu")} ({Text(environment, "fields")}); "
                + $"{Text(environment, "packages")} `{Text(environment, "command")}`");
        }
        ResultTables.Write(lines, output);
        output.WriteLine();
    }

    private static string Text(JsonElement element, string member) => element.TryGetProperty(member, out JsonElement value) ? value.GetString() ?? "" : "";
}
