using System.Text.Json.Nodes;
using NativeFl.Benchmarks.Gpu;
using NativeFl.Tests.Cli;

namespace NativeFl.Tests.Benchmarks;

/// <summary>The report's verdict and exit code, on results as small as they may be.</summary>
public sealed class ResultReportTests
{
    private const string F32 = "PEFT, f32 adapters, eager", OtherF32 = "plain, f32 adapters, eager", Bf16 = "plain, bf16 adapters, compiled";

    private TemporaryFolder _folder = null!;

    [SetUp]
    public void MakeFolder() => _folder = new TemporaryFolder();

    [TearDown]
    public void RemoveFolder() => _folder.Dispose();

    [Test]
    public void The_same_steps_are_accepted()
    {
        (int code, string table, string errors) = Gate(Ours(Falling(50)), Peer(Falling(50, 0.009), norms: Constant(50, 0.51)), Peer(Falling(50), setting: Bf16));
        Assert.That(code, Is.Zero);
        Assert.That(errors, Is.Empty);
        Assert.That(table, Does.Contain($"| G1 | {F32} | 50 | 9.0e-3 | 6.0000, 5.5100 | 2.0e-2 | 0.500 | same |").And.Not.Contain(Bf16));
    }

    [Test]
    public void Another_loss_at_one_step_is_refused([Values(0, 49)] int step)
    {
        double[] losses = Falling(50);
        losses[step] += 0.011;
        AssertRefused("DIFFERENT LOSS", Ours(losses), Peer(Falling(50)));
    }

    [Test]
    public void Another_gradient_norm_is_refused()
    {
        AssertRefused("DIFFERENT GRADIENT NORM", Ours(Falling(50)), Peer(Falling(50), norms: Constant(50, 0.53)));
    }

    [Test]
    public void A_gradient_norm_of_zero_is_refused_on_either_side()
    {
        AssertRefused("ZERO GRADIENT NORM: ours", Ours(Falling(50), norms: [.. Constant(49, 0.5), 0]), Peer(Falling(50)));
        AssertRefused("ZERO GRADIENT NORM: the peer's", Ours(Falling(50)), Peer(Falling(50), norms: [0, .. Constant(49, 0.5)]));
        AssertRefused("ZERO GRADIENT NORM: ours", Ours(Falling(50), norms: Constant(50, 0)), Peer(Falling(50), norms: Constant(50, 0)));
    }

    [Test]
    public void A_case_without_the_peer_or_without_us_is_refused()
    {
        AssertRefused("MISSING: a peer with f32 adapters", Ours(Falling(50)));
        AssertRefused("MISSING: a peer with f32 adapters", Ours(Falling(50)), Peer(Falling(50), setting: Bf16));
        AssertRefused("MISSING: NativeFl", Peer(Falling(50)));
        AssertRefused("MISSING: a peer with f32 adapters", Ours(Falling(50)), Peer(Falling(50)), Ours(Falling(50), name: "G4"));
    }

    [Test]
    public void Too_few_steps_or_norms_are_refused()
    {
        AssertRefused("TOO FEW STEPS", Ours(Falling(49)), Peer(Falling(50)));
        AssertRefused("TOO FEW STEPS", Ours(Falling(50)), Peer(Falling(50), norms: Constant(3, 0.5)));
        AssertRefused("TOO FEW STEPS", Ours(Falling(50), norms: []), Peer(Falling(50)));
    }

    [Test]
    public void Every_run_and_every_peer_counts()
    {
        AssertRefused("DIFFERENT LOSS", Ours(Falling(50)), Peer(Falling(50)), Peer(Falling(50, 1), setting: OtherF32));
        AssertRefused("DIFFERENT LOSS", Ours(Falling(50)), Peer(Falling(50)), Ours(Falling(50, 1)));
        AssertRefused("DIFFERENT LOSS", Ours(Falling(50)), Peer(Falling(50)), Peer(Falling(50, 1)));
    }

    [Test]
    public void Results_without_training_steps_pass_no_verdict()
    {
        (int code, string table, _) = Gate(Ours([], name: "G9"));
        Assert.That(code, Is.Zero);
        Assert.That(table, Does.Contain("not measured yet"));
    }

    [Test]
    public void The_tables_carry_the_verdict_and_the_machine()
    {
        _folder.Write("environment.json", """{"gpu":"A GPU","date":"today","commit":"abc","fields":"name","packages":"torch 3","command":"run.sh"}""");
        (int code, string tables, _) = Report([], Ours(Falling(50, 1)), Peer(Falling(50)));
        Assert.That(code, Is.EqualTo(1));
        Assert.That(tables, Does.Contain("- today, commit abc, A GPU (name); torch 3 `run.sh`"));
        Assert.That(tables, Does.Contain("| 2,000 tokens/s (1,000 – 3,000), 4.0 GB | 50.0 % of 4,000 | 1,000 tokens/s (500.0 – 1,500), 4.0 GB |"));
        Assert.That(tables, Does.Contain("DIFFERENT LOSS"));
    }

    [Test]
    public void Results_of_no_GPU_belong_in_no_table()
    {
        _folder.Write("environment.json", """{"gpu":"none"}""");
        (int code, string tables, string errors) = Report([], Ours(Falling(50)), Peer(Falling(50)));
        Assert.That((code, tables), Is.EqualTo((2, "")));
        Assert.That(errors, Does.Contain("without a GPU"));
    }

    [TestCase("{\"case\":\"G1\"}")]
    [TestCase("{\"case\":\"G1\",\"losses\":[NaN]}")]
    public void A_line_that_is_no_result_is_named(string line)
    {
        (int code, _, string errors) = Report(["--gate"], line);
        Assert.That(code, Is.EqualTo(2));
        Assert.That(errors, Does.Contain("results.jsonl, line 1: expected a result"));
    }

    private static double[] Falling(int steps, double off = 0) => [.. Enumerable.Range(0, steps).Select(i => 6 - (0.01 * i) + off)];

    private static double[] Constant(int steps, double value) => [.. Enumerable.Repeat(value, steps)];

    private static string Ours(double[] losses, double[]? norms = null, string name = "G1") => Line("nativefl", "bf16, graphs, cuBLASLt", name, 2000, losses, norms);

    private static string Peer(double[] losses, double[]? norms = null, string setting = F32) => Line("pytorch", setting, "G1", 1000, losses, norms);

    private static string Line(string system, string setting, string name, double median, double[] losses, double[]? norms)
    {
        static JsonArray Array(double[] values) => [.. values.Select(value => (JsonNode)JsonValue.Create(value))];
        return new JsonObject
        {
            ["case"] = name,
            ["item"] = "",
            ["system"] = system,
            ["setting"] = setting,
            ["unit"] = "tokens/s",
            ["median"] = median,
            ["p10"] = median / 2,
            ["p90"] = median * 1.5,
            ["roof"] = 2 * median,
            ["peak_bytes"] = 4_000_000_000,
            ["losses"] = Array(losses),
            ["grad_norms"] = Array(norms ?? Constant(losses.Length, 0.5)),
        }.ToJsonString();
    }

    private void AssertRefused(string verdict, params string[] lines)
    {
        (int code, string table, string errors) = Gate(lines);
        Assert.That(code, Is.EqualTo(1));
        Assert.That(table, Does.Contain($"| {verdict} |"));
        Assert.That(errors, Does.Contain(verdict));
    }

    private (int Code, string Table, string Errors) Gate(params string[] lines) => Report(["--gate"], lines);

    private (int Code, string Tables, string Errors) Report(string[] flags, params string[] lines)
    {
        _folder.Write("results.jsonl", string.Concat(lines.Select(line => line + "\n")));
        using StringWriter output = new(), errors = new();
        int code = ResultReport.Run([.. flags, _folder.Root], output, errors);
        return (code, output.ToString(), errors.ToString());
    }
}
