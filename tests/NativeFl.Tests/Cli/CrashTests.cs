using System.Globalization;
using System.Text.Json.Nodes;
using NativeFl.Cli;
using NativeFl.Tensors;

namespace NativeFl.Tests.Cli;

/// <summary>What a process leaves that is killed between two of its steps: --resume goes on from the last whole checkpoint, to the same bits.</summary>
public sealed class CrashTests : FixtureVerbTest
{
    private static readonly string Model = CliRun.Fixture("models", "llama");

    [TestCase("")]
    [TestCase("{\"step\":4,\"lo")]
    [TestCase("\0\0\0\0")]
    public void Steps_after_the_last_checkpoint_are_made_again_and_counted_once(string torn)
    {
        string[] line = ["train", "--model", Model, "--data", Data, "--steps", "6", "--batch-size", "2", "--lr", "1e-2", "--save-every", "2"];
        JsonObject whole = CliRun.Json([.. line, "--out", Folder.At("whole")]);

        // An error out of a note is as sudden as a kill: nothing of the run's own is run any more.
        using (var output = new StringWriter())
        using (var error = new FailingWriter("step 3:"))
            Assert.That(CommandLine.Run([.. line, "--eval-data", Data, "--eval-every", "1", "--out", Folder.At("killed")], new VerbConsole(output, error)), Is.EqualTo(1));
        string metrics = Folder.At("killed", "metrics.jsonl");
        Assert.That(StepsOf(metrics), Is.EqualTo(new[] { 1, 2, 3 }), "one more than the checkpoint has");
        File.AppendAllText(metrics, torn);

        JsonObject resumed = CliRun.Json([.. line, "--out", Folder.At("killed"), "--resume"]);
        Assert.That(resumed["losses"]!.ToJsonString(), Is.EqualTo(whole["losses"]!.ToJsonString()));
        Assert.That(StepsOf(metrics), Is.EqualTo(new[] { 1, 2, 3, 4, 5, 6 }));
        Assert.That(File.ReadLines(metrics).Count(text => text.Contains("eval_loss", StringComparison.Ordinal)), Is.EqualTo(2), "measured at 1 and 2");
        Assert.That(
            File.ReadAllBytes(Folder.At("killed", "adapter_model.safetensors")),
            Is.EqualTo(File.ReadAllBytes(Folder.At("whole", "adapter_model.safetensors"))));
    }

    [TestCase("{\"step\":1}\nhello\n{\"step\":2}\n")]
    [TestCase("{\"step\":1}\n{\"round\":1}\n{\"step\":2}\n")]
    [TestCase("{\"step\":1}\n{\"step\":1,\"step\":1}\n{\"step\":2}\n")]
    [TestCase("{\"step\":1}\n[\"step\"]\n{\"step\":2}\n")]
    public void Metrics_of_something_else_are_refused_and_left_alone(string lines)
    {
        Folder.Write("metrics.jsonl", lines);
        Assert.That(
            () => MetricsFile.Open(Folder.Root, 2).Dispose(),
            Throws.TypeOf<InvalidInputException>().With.Message.Contains("metrics.jsonl:2: expected one JSON object with a step a line"));
        Assert.That(File.ReadAllText(Folder.At("metrics.jsonl")), Is.EqualTo(lines));
    }

    [TestCase(0, "")]
    [TestCase(1, "{\"step\":1}\n")]
    [TestCase(2, "{\"step\":1}\n{\"step\":2}\n{\"step\":2,\"eval_loss\":1}\n")]
    public void Metrics_keep_what_a_checkpoint_has(int lastStep, string expected)
    {
        Folder.Write("metrics.jsonl", "{\"step\":1}\n{\"step\":2}\n{\"step\":2,\"eval_loss\":1}\n{\"step\":3}\n");
        MetricsFile.Open(Folder.Root, lastStep).Dispose();
        Assert.That(File.ReadAllText(Folder.At("metrics.jsonl")), Is.EqualTo(expected));
        Assert.That(Folder.Contents, Is.EqualTo(new[] { "data.jsonl", "metrics.jsonl" }));
    }

    /// <summary>
    /// A round's checkpoint gets its name in one step, and the one before it goes only then. So a kill leaves a half-written one without a
    /// name, or a half-deleted one beside a newer one; the newest with a name is always whole.
    /// </summary>
    [Test]
    public void A_federation_goes_on_from_the_newest_checkpoint_that_is_whole([Values("flora", "fedavg")] string method)
    {
        string data = Folder.Write("clients.jsonl", string.Join('\n', Enumerable.Range(0, 8).Select(i => string.Create(
            CultureInfo.InvariantCulture, $"{{\"input_ids\":[{i + 3},{i + 4},{(i * 7) % 40},{i}]}}"))));
        string[] line = ["federate", "--model", Model, "--data", data, "--clients", "2", "--rank", "4", "--rounds", "3", "--batch-size", "2", "--method", method];
        CliRun.Json([.. line, "--out", Folder.At("whole")]);
        using (var stop = new CancellationTokenSource())
        using (var output = new StringWriter())
        using (var error = new StopAt("round 3 [", stop))
            Assert.That(CommandLine.Run([.. line, "--out", Folder.At("killed")], new VerbConsole(output, error, IsErrorTerminal: true), stop.Token), Is.EqualTo(130));

        string checkpoint = Folder.At("killed", "checkpoint"), newest = Path.Combine(checkpoint, "server-0002");
        Assert.That(Directory.GetDirectories(checkpoint, "server*"), Is.EqualTo(new[] { newest }));
        Assert.That(Directory.GetDirectories(checkpoint, "base*").Select(path => Path.GetFileName(path)), Is.EqualTo(method == "flora" ? ["base-0002"] : Array.Empty<string>()));
        CopyFolder(newest, Path.Combine(checkpoint, "server-0001"), without: "state.json");
        CopyFolder(newest, Path.Combine(checkpoint, ".server-0003.half.tmp"), without: "rounds.json");

        CliRun resumed = CliRun.Of([.. line, "--out", Folder.At("killed"), "--resume", "--quiet"]);
        Assert.That(resumed.ExitCode, Is.Zero, resumed.Error);
        Assert.That(resumed.Output, Does.StartWith("round 3: "), "the rounds that are done are not done again");
        Assert.That(
            File.ReadAllBytes(Folder.At("killed", "model", "model.safetensors")),
            Is.EqualTo(File.ReadAllBytes(Folder.At("whole", "model", "model.safetensors"))));
        Assert.That(Directory.Exists(checkpoint), Is.False);
    }

    private static int[] StepsOf(string metrics) =>
        [.. File.ReadLines(metrics).Select(line => JsonNode.Parse(line)!.AsObject()).Where(m => m.ContainsKey("loss")).Select(m => (int)m["step"]!)];

    private static void CopyFolder(string from, string to, string without)
    {
        foreach (string file in Directory.EnumerateFiles(from, "*", SearchOption.AllDirectories).Where(file => Path.GetFileName(file) != without))
        {
            string copy = Path.Combine(to, Path.GetRelativePath(from, file));
            Directory.CreateDirectory(Path.GetDirectoryName(copy)!);
            File.Copy(file, copy);
        }
    }

    private sealed class FailingWriter(string at) : StringWriter
    {
        private bool _failed;

        public override void WriteLine(string? value)
        {
            base.WriteLine(value);
            if (_failed || value?.StartsWith(at, StringComparison.Ordinal) != true) return;
            _failed = true;
            throw new InvalidOperationException("killed");
        }
    }
}
