using System.Text.Json.Nodes;
using NativeFl.Models;

namespace NativeFl.Tests.Cli.Trained;

public sealed class QuickstartVerbTests
{
    private static readonly string[] Exact = ["flora", "flora-unmerged", "flora, rank 16", "fedex, rank 16"];

    [Test]
    public void Every_arm_runs_and_the_exact_ones_are_exact()
    {
        JsonObject[] runs = [.. SmallQuickstart.Result["runs"]!.AsArray().Select(r => r!.AsObject())];
        Assert.That(runs.Select(r => (string?)r["name"]), Is.EqualTo(new[]
        {
            "flora", "flora-unmerged", "zero-padding", "local", "centralized", "flora, rank 16", "fedavg, rank 16", "fedex, rank 16", "fedavg-as-released, rank 16",
        }));
        double before = (double)SmallQuickstart.Result["base"]!["loss"]!;
        Assert.Multiple(() =>
        {
            foreach (JsonObject run in runs)
            {
                string name = (string)run["name"]!;
                Assert.That((double)run["final"]!["loss"]!, Is.LessThan(before), name);
                Assert.That((double)run["losses"]![0]!, Is.EqualTo(before), name);
                Assert.That((long)run["upload_bytes"]!, name is "local" or "centralized" ? Is.Zero : Is.GreaterThan(0), name);
                double? exactness = (double?)run["exactness"]![0];
                if (Exact.Contains(name)) Assert.That(exactness, Is.LessThan(1e-6), name);
                if (name is "zero-padding" or "fedavg, rank 16" or "fedavg-as-released, rank 16") Assert.That(exactness, Is.GreaterThan(1e-2), name);
            }
        });
    }

    [Test]
    public void Merged_and_unmerged_flora_are_one_model()
    {
        double Final(string name) => (double)SmallQuickstart.Result["runs"]!.AsArray().Single(r => (string?)r!["name"] == name)!["final"]!["loss"]!;
        Assert.That(Final("flora-unmerged"), Is.EqualTo(Final("flora")).Within(1e-5));
    }

    [Test]
    public void Records_are_chosen_by_value_and_at_random_from_one_pool()
    {
        JsonObject refinement = SmallQuickstart.Result["refinement"]!.AsObject();
        int spoilt = (int)refinement["spoilt"]!, kept = (int)refinement["kept"]!;
        JsonObject[] arms = [.. refinement["arms"]!.AsArray().Select(arm => arm!.AsObject())];
        Assert.Multiple(() =>
        {
            Assert.That(((int)refinement["records"]!, kept, (int)refinement["clusters"]!), Is.EqualTo((48, 12, 12)));
            Assert.That(spoilt, Is.InRange(8, 16), "a third, but for answers that are the same in another order");
            Assert.That(arms.Select(arm => (string?)arm["name"]), Is.EqualTo(new[] { "chosen by value", "chosen at random" }));
            Assert.That(arms.Select(arm => (int)arm["spoilt"]!), Has.All.InRange(0, kept));
            Assert.That(arms.Select(arm => (double)arm["final"]!["loss"]!), Is.Unique.And.All.LessThan((double)SmallQuickstart.Result["base"]!["loss"]!));
            Assert.That(File.ReadLines(Path.Combine(SmallQuickstart.Out, "data", "pool.jsonl")).Count(), Is.EqualTo(48));
            Assert.That(File.ReadAllText(Path.Combine(SmallQuickstart.Out, "report.html")), Does.Contain("chosen by value"));
        });
    }

    [Test]
    public void The_report_and_the_files_of_flora_are_there()
    {
        string[] files = ["report.html", "run.json", "metrics.jsonl", "partition.json", "data/train.jsonl", "base/tokenizer.json",
            "round-01/client-09/adapter_model.safetensors", "round-01/global/adapter_config.json", "model/config.json"];
        Assert.That(files.Where(f => !File.Exists(Path.Combine(SmallQuickstart.Out, f))), Is.Empty);
        string report = File.ReadAllText(Path.Combine(SmallQuickstart.Out, "report.html"));
        Assert.Multiple(() =>
        {
            Assert.That(report, Does.Contain("<svg").And.Contain((string)SmallQuickstart.Result["verdict"]!));
            Assert.That(report, Does.Not.Contain("src=").And.Not.Contain("<link").And.Not.Contain("@import"), "one self-contained file");
        });
        using Checkpoint model = Checkpoint.Open(Path.Combine(SmallQuickstart.Out, "model"));
        Assert.That(model.Config.LayerCount, Is.EqualTo(2));
    }

    [Test]
    public void Its_stacked_adapter_is_its_model()
    {
        string eval = Path.Combine(SmallQuickstart.Out, "data", "held-out.jsonl");
        string[] line = ["eval", "--data", eval, "--template", "<|begin_of_text|><|user|> {prompt}<|assistant|> {answer}<|end_of_text|>"];
        double merged = (double)CliRun.Json([.. line, "--model", Path.Combine(SmallQuickstart.Out, "model")])["loss"]!;
        double beside = (double)CliRun.Json(
            [.. line, "--model", SmallQuickstart.Base, "--adapter", Path.Combine(SmallQuickstart.Out, "round-01", "global")])["loss"]!;
        Assert.That(beside, Is.EqualTo(merged).Within(1e-5));
        Assert.That(merged, Is.EqualTo((double)SmallQuickstart.Result["runs"]![0]!["final"]!["loss"]!).Within(1e-5));
    }
}
