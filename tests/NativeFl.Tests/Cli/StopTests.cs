using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Text.Json.Nodes;
using NativeFl.Cli;

namespace NativeFl.Tests.Cli;

/// <summary>Ctrl-C: whatever runs ends with 130 soon, and what can be resumed goes on to the same bits.</summary>
public sealed partial class StopTests : FixtureVerbTest
{
    private const int Interrupt = 2, Terminate = 15;

    private static readonly string Model = CliRun.Fixture("models", "llama");

    [Test]
    public void Perplexity_stops_and_writes_nothing()
    {
        using var stop = new CancellationTokenSource();
        stop.Cancel();
        CliRun run = CliRun.Of(["eval", "--model", Model, "--data", Data, "--out", Folder.At("out")], stop.Token);
        Assert.That(run.ExitCode, Is.EqualTo(130), run.Error);
        Assert.That(run.Output, Is.Empty);
        Assert.That(Directory.Exists(Folder.At("out")), Is.False);
    }

    [TestCase("train", "wave-0.safetensors", "adapter_model.safetensors")]
    [TestCase("pretrain", "weights.safetensors", "model.safetensors")]
    public void A_run_that_is_stopped_in_its_last_measurement_makes_it_when_it_goes_on(string verb, string checkpoint, string file)
    {
        string[] line = [verb, "--model", Model, "--data", Data, "--steps", "2", "--batch-size", "2", "--eval-data", Data];
        JsonObject whole = CliRun.Json([.. line, "--out", Folder.At("whole")]);

        // The bar of the last step is drawn before its measurement begins.
        using (var stop = new CancellationTokenSource())
        using (var output = new StringWriter())
        using (var error = new StopAt(" 2/2 ", stop))
            Assert.That(CommandLine.Run([.. line, "--out", Folder.At("stopped")], new VerbConsole(output, error, IsErrorTerminal: true), stop.Token), Is.EqualTo(130));
        Assert.That(File.Exists(Folder.At("stopped", file)), Is.False);
        Assert.That(File.Exists(Folder.At("stopped", "checkpoint", checkpoint)), "the steps are not lost");

        JsonObject resumed = CliRun.Json([.. line, "--out", Folder.At("stopped"), "--resume"]);
        Assert.That((double)resumed["eval"]!["eval_loss"]!, Is.EqualTo((double)whole["eval"]!["eval_loss"]!));
        Assert.That(File.ReadAllBytes(Folder.At("stopped", file)), Is.EqualTo(File.ReadAllBytes(Folder.At("whole", file))));
        Assert.That(File.ReadAllText(Folder.At("stopped", "metrics.jsonl")), Is.EqualTo(File.ReadAllText(Folder.At("whole", "metrics.jsonl"))));
    }

    /// <summary>What it measured before the first round comes back too, though it is not measured again.</summary>
    [Test]
    public void A_federation_that_is_stopped_while_it_measures_resumes_to_the_same_numbers([Values("flora", "flora-unmerged", "fedavg", "local", "full")] string method)
    {
        string data = Folder.Write("clients.jsonl", string.Join('\n', Enumerable.Range(0, 4).Select(i => string.Create(
            CultureInfo.InvariantCulture, $"{{\"input_ids\":[{i + 3},{i + 4},{(i * 7) % 40},{i}]}}"))));
        string[] line = ["federate", "--model", Model, "--data", data, "--clients", "2", "--rank", "2", "--rounds", "2", "--batch-size", "2", "--eval-data", Data, "--method", method];
        JsonObject whole = CliRun.Json([.. line, "--out", Folder.At("whole")]);
        Assert.That((double)whole["initial_eval"]!["loss"]!, Is.GreaterThan(0));
        using (var stop = new CancellationTokenSource())
        using (var output = new StringWriter())
        using (var error = new StopAt("round 2 [########################] 2/2", stop))
            Assert.That(CommandLine.Run([.. line, "--out", Folder.At("stopped")], new VerbConsole(output, error, IsErrorTerminal: true), stop.Token), Is.EqualTo(130));
        Assert.That(Directory.Exists(Folder.At("stopped", "round-01")), Is.EqualTo(method != "full"));
        Assert.That(Directory.Exists(Folder.At("stopped", "round-02")), Is.False, "stopped before the round was whole");
        Assert.That(File.ReadLines(Folder.At("stopped", "metrics.jsonl")).Count(), Is.EqualTo(1));
        JsonObject resumed = CliRun.Json([.. line, "--out", Folder.At("stopped"), "--resume"]);
        Assert.That(Timeless(resumed), Is.EqualTo(Timeless(whole)));
        string[] models = [.. Directory.EnumerateFiles(Folder.At("whole"), "*.safetensors", SearchOption.AllDirectories).Order()];
        Assert.That(models, Is.Not.Empty);
        foreach (string file in models)
            Assert.That(File.ReadAllBytes(Folder.At("stopped", Path.GetRelativePath(Folder.At("whole"), file))), Is.EqualTo(File.ReadAllBytes(file)), file);
    }

    /// <summary>
    /// The built command line in a process of its own. It cannot end before the signal comes: nobody reads what it says after its third step,
    /// and a pipe of 64 KiB is full long before the last one.
    /// </summary>
    [TestCase(Interrupt)]
    [TestCase(Terminate)]
    public void A_signal_ends_the_process_with_130_and_resume_gives_the_same_bytes(int signal)
    {
        if (OperatingSystem.IsWindows()) Assert.Ignore("needs POSIX signals");
        if (IsIgnored(signal)) Assert.Ignore($"signal {signal} is ignored here, as it is in the background of a shell");
        string data = Folder.Write("short.jsonl", "{\"input_ids\":[5,6,7,8]}\n{\"input_ids\":[9,10,11]}");
        string[] line = ["train", "--model", Model, "--data", data, "--steps", "2500", "--batch-size", "1", "--rank", "1", "--target-modules", "q_proj", "--device", "cpu"];
        CliRun.Json([.. line, "--out", Folder.At("whole")]);

        (int code, string error) = RunUntil("step 3:", signal, [.. line, "--eval-data", data, "--eval-every", "1", "--out", Folder.At("stopped")]);
        Assert.That(code, Is.EqualTo(130), error);
        Assert.That(error.TrimEnd().Split('\n')[^1], Is.EqualTo("stopped"));
        Assert.That(File.Exists(Folder.At("stopped", "run.json")), Is.False);

        CliRun.Json([.. line, "--out", Folder.At("stopped"), "--resume"]);
        Assert.That(
            File.ReadAllBytes(Folder.At("stopped", "adapter_model.safetensors")),
            Is.EqualTo(File.ReadAllBytes(Folder.At("whole", "adapter_model.safetensors"))));
    }

    /// <summary>A result without what differs from run to run.</summary>
    private static string Timeless(JsonObject result)
    {
        JsonObject copy = result.DeepClone().AsObject();
        copy.Remove("out");
        foreach (JsonNode? round in copy["rounds"]!.AsArray()) round!.AsObject().Remove("seconds");
        return copy.ToJsonString();
    }

    private static (int Code, string Error) RunUntil(string text, int signal, string[] args)
    {
        var start = new ProcessStartInfo("dotnet") { RedirectStandardError = true };
        start.ArgumentList.Add(Path.Combine(AppContext.BaseDirectory, "NativeFl.Cli.dll"));
        foreach (string argument in args) start.ArgumentList.Add(argument);
        using Process process = Process.Start(start)!;
        var error = new System.Text.StringBuilder();
        while (process.StandardError.ReadLine() is { } line)
        {
            error.Append(line).Append('\n');
            if (line.StartsWith(text, StringComparison.Ordinal) && Kill(process.Id, signal) != 0) Assert.Fail("the signal could not be sent");
        }

        process.WaitForExit();
        return (process.ExitCode, error.ToString());
    }

    // A process inherits what its parent ignores, and .NET leaves it so.
    private static bool IsIgnored(int signal)
    {
        const string Status = "/proc/self/status", Mask = "SigIgn:";
        if (!File.Exists(Status)) return false;
        string mask = File.ReadLines(Status).Single(line => line.StartsWith(Mask, StringComparison.Ordinal))[Mask.Length..];
        return ((ulong.Parse(mask.Trim(), NumberStyles.HexNumber, CultureInfo.InvariantCulture) >> (signal - 1)) & 1) != 0;
    }

    [LibraryImport("libc", EntryPoint = "kill")]
    private static partial int Kill(int process, int signal);
}
