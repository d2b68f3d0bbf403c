using System.Globalization;
using System.Text.Json.Nodes;

namespace NativeFl.Tests.Cli;

/// <summary>--resume goes on with the run that the folder holds, and with no other: anything that would change its result is refused.</summary>
public sealed class ResumeTests
{
    private static readonly string Model = CliRun.Fixture("models", "llama"), Adapter = Path.Combine(Model, "adapter");

    private TemporaryFolder _folder = null!;
    private string _data = "", _other = "", _model = "", _changed = "";

    private Dictionary<string, string[]> Lines => new()
    {
        ["federate"] = [
            "federate", "--model", _model, "--data", _data, "--ranks", "4,2", "--rounds", "2", "--local-epochs", "2", "--method", "flora-unmerged",
            "--batch-size", "2", "--seed", "5", "--lr", "1e-2", "--dtype", "f32"],
        ["train"] = [
            "train", "--model", _model, "--data", _data, "--steps", "4", "--batch-size", "2", "--seed", "5", "--lr", "1e-2", "--dtype", "f32", "--rank", "2",
            "--alpha", "4"],
        ["pretrain"] = [
            "pretrain", "--config", Path.Combine(_model, "config.json"), "--data", _data, "--steps", "4", "--batch-size", "2", "--seed", "5", "--lr", "1e-2"],
    };

    /// <summary>One stopped run of each verb; nothing that is refused may change them.</summary>
    [OneTimeSetUp]
    public void Stop()
    {
        _folder = new TemporaryFolder();
        _data = _folder.Write("data.jsonl", Records(7));
        _other = _folder.Write("other.jsonl", Records(9));
        (_model, _changed) = (Copy("model", 0), Copy("changed", 1));
        foreach ((string verb, string[] line) in Lines)
        {
            using var stop = new CancellationTokenSource();
            stop.Cancel();
            Assert.That(CliRun.Of([.. line, "--out", _folder.At(verb)], stop.Token).ExitCode, Is.EqualTo(130));
        }
    }

    [OneTimeTearDown]
    public void Delete() => _folder.Dispose();

    private static IEnumerable<TestCaseData<string, string, string[]>> Changes()
    {
        yield return Change("federate", "--method flora", "--method: expected flora-unmerged", "got flora");
        yield return Change("federate", "--ranks 8,2", "--ranks: expected 4,2", "got 8,2");
        yield return Change("federate", "--rounds 3", "--rounds: expected 2", "got 3");
        yield return Change("federate", "--local-epochs 1", "--local-epochs: expected 2", "got 1");
        yield return Change("federate", "--scaling 3", "--scaling: expected 2", "got 3");
        yield return Change("federate", "--partition sizes:6,6", "--partition: expected iid", "got sizes:6,6");
        yield return Change("federate", "--prox-mu 0.1", "--prox-mu: expected 0", "got 0.1");
        yield return Change("federate", "--lora-dropout 0.1", "--lora-dropout: expected 0", "got 0.1");
        yield return Change("federate", "--target-modules q_proj", "--target-modules: expected nothing", "got q_proj");
        foreach (string verb in new[] { "federate", "train", "pretrain" })
        {
            yield return Change(verb, "--seed 6", "--seed: expected 5", "got 6");
            yield return Change(verb, "--lr 0.02", "--lr: expected 0.01", "got 0.02");
            yield return Change(verb, "--data OTHER", "--data: expected what the run in", "other content");
            yield return Change(verb, "--dtype bf16", "--dtype: expected f32", "got bf16");
            yield return Change(verb, "--max-length 8", "--max-length");
        }

        yield return Change("federate", "--model CHANGED", "--model: expected what the run in", "other content");
        yield return Change("train", "--model CHANGED", "--model: expected what the run in", "other content");
        yield return Change("train", "--alpha 5", "--alpha: expected 4", "got 5");
        yield return Change("train", "--rank 3", "--rank: expected 2", "got 3");
        yield return Change("train", "--init-adapter ADAPTER", "--init-adapter", "other content");
        yield return Change("pretrain", "--config CHANGED", "--config: expected what the run in", "other content");
    }

    [TestCaseSource(nameof(Changes))]
    public void Another_run_is_refused_by_the_flag_that_differs(string verb, string change, string[] says)
    {
        string[] before = _folder.Contents;
        byte[][] bytes = [.. Directory.EnumerateFiles(_folder.At(verb), "*", SearchOption.AllDirectories).Order().Select(File.ReadAllBytes)];
        CliRun run = CliRun.Of([.. With(Lines[verb], change), "--out", _folder.At(verb), "--resume", "--quiet"]);
        Assert.That(run.ExitCode, Is.EqualTo(2), run.Error);
        Assert.That(run.Error.TrimEnd().Split('\n'), Has.Length.EqualTo(1), run.Error);
        foreach (string part in says) Assert.That(run.Error, Does.Contain(part));
        Assert.That(_folder.Contents, Is.EqualTo(before));
        Assert.That(Directory.EnumerateFiles(_folder.At(verb), "*", SearchOption.AllDirectories).Order().Select(File.ReadAllBytes), Is.EqualTo(bytes));
    }

    [Test]
    public void A_product_from_elsewhere_is_refused()
    {
        string[] line = [.. Lines["train"], "--blas", "openblas", "--out", _folder.At("train"), "--resume"];
        CliRun run = CliRun.Of(line);
        if (run.ExitCode == 1) Assert.Ignore("needs OpenBLAS: " + run.Error.Trim());
        Assert.That(run.ExitCode, Is.EqualTo(2), run.Error);
        Assert.That(run.Error, Does.Contain("--blas: expected none"));
    }

    [Test]
    public void The_checkpoint_of_another_verb_is_refused() =>
        CliRun.Fails(2, ["nativefl: expected train", "got pretrain"], [.. Lines["pretrain"], "--out", _folder.At("train"), "--resume"]);

    [Test]
    public void A_checkpoint_that_does_not_say_whose_it_is_is_refused()
    {
        Directory.CreateDirectory(_folder.At("nameless", "checkpoint"));
        CliRun.Fails(2, ["identity.json", "no such file"], [.. Lines["train"], "--out", _folder.At("nameless"), "--resume"]);
        _folder.Write(Path.Combine("nameless", "checkpoint", "identity.json"), "[]");
        CliRun.Fails(2, ["identity.json", "a JSON object"], [.. Lines["train"], "--out", _folder.At("nameless"), "--resume"]);
    }

    [Test]
    public void The_same_run_goes_on_from_moved_inputs_and_with_other_things_to_watch()
    {
        using var folder = new TemporaryFolder();
        string[] line = Lines["train"];
        JsonObject whole = CliRun.Json([.. line, "--out", folder.At("whole")]);
        using (var stop = new CancellationTokenSource())
        {
            stop.Cancel();
            Assert.That(CliRun.Of([.. line, "--out", folder.At("stopped")], stop.Token).ExitCode, Is.EqualTo(130));
        }

        string moved = folder.Write("moved.jsonl", File.ReadAllText(_data));
        JsonObject resumed = CliRun.Json([
            .. With(With(line, "--data " + moved), "--model " + Model), "--eval-data", _other, "--save-every", "1", "--out", folder.At("stopped"), "--resume"]);
        Assert.That(resumed["losses"]!.ToJsonString(), Is.EqualTo(whole["losses"]!.ToJsonString()));
    }

    private static TestCaseData<string, string, string[]> Change(string verb, string change, params string[] says) => new(verb, change, says);

    /// <summary>The line with one flag set to something else.</summary>
    private string[] With(string[] line, string change)
    {
        string[] words = [.. change.Split(' ').Select(word => word switch
        {
            "OTHER" => _other,
            "ADAPTER" => Adapter,
            "CHANGED" when line[0] == "pretrain" => Path.Combine(_changed, "config.json"),
            "CHANGED" => _changed,
            _ => word,
        })];
        int at = Array.IndexOf(line, words[0]);
        return at < 0 ? [.. line, .. words] : [.. line[..(at + 1)], words[1], .. line[(at + 2)..]];
    }

    /// <summary>A model folder of its own; <paramref name="added"/> is added to the last byte of its weights but one, and its configuration differs too.</summary>
    private string Copy(string name, byte added)
    {
        Directory.CreateDirectory(_folder.At(name));
        string config = File.ReadAllText(Path.Combine(Model, "config.json"));
        _folder.Write(Path.Combine(name, "config.json"), added == 0 ? config : config + "\n");
        byte[] weights = File.ReadAllBytes(Path.Combine(Model, "model.safetensors"));
        weights[^2] += added;
        File.WriteAllBytes(_folder.At(name, "model.safetensors"), weights);
        return _folder.At(name);
    }

    private static string Records(int factor) => string.Join('\n', Enumerable.Range(0, 12).Select(i => string.Create(
        CultureInfo.InvariantCulture, $"{{\"id\":\"r{i}\",\"input_ids\":[{i + 3},{i + 4},{(i * factor) % 40},{i},{i + 9}]}}")));
}
