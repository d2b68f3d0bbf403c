using System.Text.Json.Nodes;
using NativeFl.Cli;

namespace NativeFl.Tests.Cli;

/// <summary>One command line run in this process: exit code and both streams.</summary>
internal sealed record CliRun(int ExitCode, string Output, string Error)
{
    public static CliRun Of(params IReadOnlyList<string> args) => Of(args, default);

    public static CliRun Of(IReadOnlyList<string> args, CancellationToken cancellation)
    {
        using var output = new StringWriter();
        using var error = new StringWriter();
        int code = CommandLine.Run(args, new VerbConsole(output, error), cancellation);
        return new CliRun(code, output.ToString(), error.ToString());
    }

    /// <summary>Runs with --json --quiet and reads the one object that stdout must hold.</summary>
    public static JsonObject Json(params IReadOnlyList<string> args)
    {
        CliRun run = Of([.. args, "--json", "--quiet"]);
        Assert.That(run.ExitCode, Is.Zero, run.Error);
        string[] lines = run.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.That(lines, Has.Length.EqualTo(1), "stdout holds one JSON object");
        return JsonNode.Parse(lines[0])!.AsObject();
    }

    /// <summary>Asserts a refusal: the exit code, nothing on stdout, one line on stderr that says these things.</summary>
    public static void Fails(int exitCode, IReadOnlyList<string> says, params IReadOnlyList<string> args)
    {
        CliRun run = Of(args);
        string[] lines = run.Error.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.Multiple(() =>
        {
            Assert.That(run.ExitCode, Is.EqualTo(exitCode), run.Error);
            Assert.That(run.Output, Is.Empty);
            Assert.That(lines, Has.Length.EqualTo(1), run.Error);
            foreach (string part in says) Assert.That(run.Error, Does.Contain(part));
        });
    }

    /// <summary>A path under tests/fixtures.</summary>
    public static string Fixture(params ReadOnlySpan<string> parts) =>
        Path.Combine([TestContext.CurrentContext.TestDirectory, "fixtures", .. parts]);
}
