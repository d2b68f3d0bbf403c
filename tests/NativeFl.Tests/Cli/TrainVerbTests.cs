using System.Text.Json.Nodes;
using NativeFl.Cli;
using NativeFl.Finetuning;
using NativeFl.Models;
using NativeFl.Tensors;
using NativeFl.Tensors.Cpu;
using NativeFl.Tests.Finetuning;
using NativeFl.Tests.Models;

namespace NativeFl.Tests.Cli;

public sealed class TrainVerbTests : FixtureVerbTest
{
    private static readonly string Model = CliRun.Fixture("models", "llama");

    private string[] Flags => ["--model", Model, "--data", Data, "--steps", "6", "--batch-size", "2", "--lr", "1e-2", "--seed", "3"];

    [TestCase("train", "adapter_model.safetensors")]
    [TestCase("pretrain", "model.safetensors")]
    public void A_stopped_run_resumes_to_the_same_bits(string verb, string file)
    {
        JsonObject whole = CliRun.Json([verb, .. Flags, "--out", Folder.At("whole")]);
        CliRun stopped = StopAfter(3, [verb, .. Flags, "--out", Folder.At("stopped"), "--eval-data", Data, "--eval-every", "1"]);
        Assert.That(stopped.ExitCode, Is.EqualTo(130), stopped.Error);
        Assert.That(Directory.Exists(Folder.At("stopped", "checkpoint")));
        Assert.That(File.Exists(Folder.At("stopped", file)), Is.False);

        JsonObject resumed = CliRun.Json([verb, .. Flags, "--out", Folder.At("stopped"), "--resume"]);
        Assert.That(resumed["losses"]!.ToJsonString(), Is.EqualTo(whole["losses"]!.ToJsonString()));
        Assert.That(File.ReadAllBytes(Folder.At("stopped", file)), Is.EqualTo(File.ReadAllBytes(Folder.At("whole", file))));
        Assert.That(Directory.Exists(Folder.At("stopped", "checkpoint")), Is.False);
        int[] steps = [.. File.ReadLines(Folder.At("stopped", "metrics.jsonl")).Select(line => JsonNode.Parse(line)!.AsObject())
            .Where(m => m.ContainsKey("loss")).Select(m => (int)m["step"]!)];
        Assert.That(steps, Is.EqualTo(new[] { 1, 2, 3, 4, 5, 6 }), "every step once");
    }

    [Test]
    public void The_same_command_gives_the_same_bits_and_another_seed_others()
    {
        CliRun.Json(["train", .. Flags, "--out", Folder.At("a")]);
        CliRun.Json(["train", .. Flags, "--out", Folder.At("b")]);
        CliRun.Json(["train", .. Flags[..^1], "4", "--out", Folder.At("c")]);
        byte[] Bytes(string run) => File.ReadAllBytes(Folder.At(run, "adapter_model.safetensors"));
        Assert.That(Bytes("b"), Is.EqualTo(Bytes("a")));
        Assert.That(Bytes("c"), Is.Not.EqualTo(Bytes("a")));
    }

    [Test]
    public void The_proximal_term_is_the_librarys()
    {
        double Distance(string run, double mu)
        {
            using var fixture = new FixtureCase("llama");
            using var backend = new CpuBackend(new CpuBackendOptions { Threads = 2 });
            using Transformer model = Transformer.Load(backend, Model, DType.F32);
            var task = new ClientTask
            {
                Id = "train",
                Seed = 3,
                Examples = fixture.Examples,
                Initial = fixture.Adapter("adapter"),
                Options = new TrainingOptions { Steps = 6, BatchSize = 2, LearningRate = 1e-2, ProximalMu = mu },
            };
            AdapterWeights trained = AdapterFolder.Load(Folder.At(run), model.Config).Weights;
            return TrainingCases.Distance(trained, new AdapterTrainer(model).Train([task])[0].Adapter);
        }

        string[] line = ["train", .. Flags, "--init-adapter", Path.Combine(Model, "adapter"), "--dtype", "f32", "--device", "cpu"];
        CliRun.Json([.. line, "--prox-mu", "4", "--out", Folder.At("pulled")]);
        CliRun.Json([.. line, "--out", Folder.At("free")]);
        Assert.Multiple(() =>
        {
            Assert.That(Distance("pulled", 4), Is.LessThan(2e-3));
            Assert.That(Distance("free", 0), Is.LessThan(2e-3));
            Assert.That(Distance("pulled", 0), Is.GreaterThan(2e-2));
        });
    }

    [Test]
    public void A_pretrained_model_is_a_complete_checkpoint()
    {
        string config = Path.Combine(Model, "config.json");
        JsonObject result = CliRun.Json("pretrain", "--config", config, "--data", Data, "--steps", "8", "--lr", "1e-2", "--out", Folder.At("model"));
        double[] losses = [.. result["losses"]!.AsArray().Select(n => (double)n!)];
        Assert.That(losses[^1], Is.LessThan(losses[0]));
        JsonObject eval = CliRun.Json("eval", "--model", Folder.At("model"), "--data", Data);
        Assert.That((double)eval["loss"]!, Is.LessThan(losses[^1]));
    }

    [Test]
    public void A_run_that_diverges_ends_with_1_and_says_at_which_step() => CliRunFails(
        ["train", .. Flags, "--lr", "1e38", "--grad-clip", "0", "--out", Folder.At("out")]);

    [Test]
    public void The_plan_names_every_block_and_its_peak()
    {
        JsonObject info = CliRun.Json("info", "--model", Model, "--batch-size", "2", "--max-length", "16");
        long blocks = info["plan"]!.AsArray().Sum(b => (long)b!["bytes"]!);
        Assert.That((long)info["peak_bytes"]!, Is.GreaterThan(blocks));
        Assert.That(info["plan"]!.AsArray().SelectMany(b => b!["tensors"]!.AsArray()).Select(t => (string)t!["name"]!), Is.Not.Empty.And.All.Not.Empty);
    }

    private void CliRunFails(string[] args)
    {
        string[] once = [.. args.Where((a, i) => !(a == "--lr" && Array.IndexOf(args, "--lr") == i) && !(i > 0 && args[i - 1] == "--lr" && Array.IndexOf(args, "--lr") == i - 1))];
        CliRun run = CliRun.Of(once);
        Assert.That(run.ExitCode, Is.EqualTo(1), run.Error);
        Assert.That(run.Error, Does.Contain("diverged at step"));
        Assert.That(File.Exists(Folder.At("out", "adapter_model.safetensors")), Is.False);
    }

    /// <summary>Cancels from inside the run: its note on held-out data after a step is the signal.</summary>
    private static CliRun StopAfter(int steps, string[] args)
    {
        using var stop = new CancellationTokenSource();
        using var output = new StringWriter();
        using var error = new CountingWriter(steps, stop);
        int code = CommandLine.Run(args, new VerbConsole(output, error), stop.Token);
        return new CliRun(code, output.ToString(), error.ToString());
    }

    private sealed class CountingWriter(int steps, CancellationTokenSource stop) : StringWriter
    {
        public override void WriteLine(string? value)
        {
            base.WriteLine(value);
            if (value?.StartsWith($"step {steps}:", StringComparison.Ordinal) == true) stop.Cancel();
        }
    }
}
