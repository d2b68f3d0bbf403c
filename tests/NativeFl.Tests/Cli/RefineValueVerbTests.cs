using System.Globalization;
using System.Text.Json.Nodes;
using NativeFl.Cli;
using NativeFl.DataRefinement;

namespace NativeFl.Tests.Cli;

/// <summary>refine value from outside: what it writes, what it costs, and that whatever stops it, it ends with the same values.</summary>
public sealed class RefineValueVerbTests
{
    private static readonly string Model = CliRun.Fixture("models", "llama");

    private TemporaryFolder _folder = null!;
    private string _data = "", _validation = "";

    [SetUp]
    public void Open()
    {
        _folder = new TemporaryFolder();
        _data = Records("data.jsonl", 5, 1);
        _validation = Records("validation.jsonl", 3, 100);
    }

    [TearDown]
    public void Close() => _folder.Dispose();

    [TestCase("permutation", 13, 13)]
    [TestCase("antithetic", 30, 25)]
    [TestCase("stratified", 20, 17)]
    [TestCase("exact", 40, 31)]
    public void Values_add_up_and_the_folder_holds_all_that_they_come_from(string estimator, int budget, int most)
    {
        JsonObject result = Value("out", "--estimator", estimator, "--budget", $"{budget}");
        ProxyValues values = ValueFolder.Read(_folder.At("out"));
        Assert.Multiple(() =>
        {
            Assert.That(values.Proxies.Select(proxy => proxy.Id), Is.EqualTo(new[] { "0", "1", "2", "3", "4" }));
            Assert.That(values.Proxies.Sum(proxy => proxy.Value), Is.EqualTo(values.WholeValue - values.EmptyValue).Within(1e-9));
            Assert.That(values.WholeValue, Is.Not.EqualTo(values.EmptyValue).Within(1e-4));
            Assert.That(values.FineTunings, Is.InRange(6, most));
            Assert.That((int)result["measured"]!, Is.EqualTo(values.FineTunings));
            Assert.That((int)result["at_once"]!, Is.GreaterThan(1), "side by side without being asked");
            Assert.That(result["proxies"]!.ToJsonString(), Is.EqualTo(JsonNode.Parse(File.ReadAllText(_folder.At("out", "values.json")))!["proxies"]!.ToJsonString()));
            Assert.That(ClusterFolder.Read(_folder.At("out")).Clusters, Has.Count.EqualTo(5));
            Assert.That(File.ReadAllText(_folder.At("out", "report.html")), Does.Contain("<svg").And.Contain(estimator));
            Assert.That(File.Exists(_folder.At("out", "run.json")));
        });
    }

    [Test]
    public void Values_as_released_add_up_to_v_of_all_alone_and_say_so()
    {
        CliRun run = CliRun.Of([.. Line("--estimator", "permutation-as-released", "--budget", "13", "--quiet"), "--out", _folder.At("out")]);
        Assert.That(run.ExitCode, Is.Zero, run.Error);
        Assert.That(run.Error, Does.Contain("warning: permutation-as-released: v of nobody is taken for 0"));
        ProxyValues released = ValueFolder.Read(_folder.At("out"));
        JsonObject again = Value("out", "--estimator", "permutation", "--budget", "13");
        ProxyValues permutation = ValueFolder.Read(_folder.At("out"));
        double[] extra = [.. released.Proxies.Zip(permutation.Proxies, (a, b) => a.Value - b.Value)];
        Assert.Multiple(() =>
        {
            Assert.That(released.Estimator, Is.EqualTo("permutation-as-released"));
            Assert.That(released.EmptyValue, Is.Not.Null, "it is measured, for what all have over nobody");
            Assert.That(released.Proxies.Sum(proxy => proxy.Value), Is.EqualTo(released.WholeValue!.Value).Within(1e-9));
            Assert.That((int)again["measured"]!, Is.Zero, "both rest on the same fine-tunings");
            Assert.That(extra.Sum(), Is.EqualTo(released.EmptyValue!.Value).Within(1e-9));
            Assert.That(extra, Has.Some.EqualTo(0).Within(1e-12).And.Some.LessThan(released.EmptyValue!.Value / 4), "it is chance who is last");
        });
        Assert.That(File.ReadAllText(_folder.At("out", "report.html")), Does.Not.Contain("nobody is taken"));
        Value("out", "--estimator", "permutation-as-released", "--budget", "13");
        Assert.That(File.ReadAllText(_folder.At("out", "report.html")), Does.Contain("permutation-as-released: v of nobody is taken for 0"));
    }

    [TestCase("banzhaf", 13)]
    [TestCase("kernel-shap", 19)]
    [TestCase("truncated", 13)]
    public void Estimators_that_do_not_add_up_keep_their_budget_too(string estimator, int budget)
    {
        JsonObject result = Value("out", [.. "--estimator".Split(' '), estimator, "--budget", $"{budget}", .. estimator == "truncated" ? new[] { "--tolerance", "0.02" } : []]);
        ProxyValues values = ValueFolder.Read(_folder.At("out"));
        Assert.That((int)result["measured"]!, Is.EqualTo(values.FineTunings).And.InRange(5, budget));
        Assert.That(values.Proxies.Select(proxy => proxy.Value), Has.Exactly(5).Items.And.All.Not.NaN);
        Value("out", "--estimator", "exact");
        JsonObject again = Value("out", [.. "--estimator".Split(' '), estimator, "--budget", $"{budget}", .. estimator == "truncated" ? new[] { "--tolerance", "0.02" } : []]);
        Assert.That(((int)again["measured"]!, (int)again["fine_tunings"]!), Is.EqualTo((0, values.FineTunings)), "those of the whole table are not its own");
    }

    [Test]
    public void Proxies_in_groups_share_their_groups_value()
    {
        Value("out", "--groups", "2", "--estimator", "exact");
        ProxyValues values = ValueFolder.Read(_folder.At("out"));
        Assert.That(values.Groups, Is.EqualTo(2));
        Assert.That(values.Proxies.GroupBy(proxy => proxy.Group).Select(group => group.Select(proxy => proxy.Value).Distinct().Count()), Is.All.EqualTo(1));
        Assert.That(values.Proxies.Sum(proxy => proxy.Value), Is.EqualTo(values.WholeValue - values.EmptyValue).Within(1e-9));
    }

    [Test]
    public void Only_proxies_of_a_cluster_folder_are_fine_tuned_on()
    {
        var clusters = ClusterFolder.OfSingles(NativeFl.Data.RecordReader.Read([_data]));
        clusters = clusters with { Clusters = [new RecordCluster("3", ["0", "3"]), new RecordCluster("1", ["1", "2", "4"])] };
        Directory.CreateDirectory(_folder.At("clusters"));
        clusters.Write(_folder.At("clusters"));
        string[] line = ["refine", "value", "--model", Model, "--validation", _validation, "--proxies", _folder.At("clusters"), "--estimator", "exact", .. Training];
        JsonObject result = CliRun.Json([.. line, "--out", _folder.At("out")]);
        Assert.That(result["proxies"]!.AsArray().Select(proxy => (string)proxy!["id"]!), Is.EqualTo(new[] { "3", "1" }));
        Assert.That(ClusterFolder.Read(_folder.At("out")).Clusters.Select(c => c.Members.Count), Is.EqualTo(new[] { 2, 3 }));
        JsonObject same = CliRun.Json([.. line, "--data", _data, "--out", _folder.At("same")]);
        Assert.That(same["proxies"]!.ToJsonString(), Is.EqualTo(result["proxies"]!.ToJsonString()));
        CliRun.Fails(2, ["--data", "others"], [.. line, "--data", Records("other.jsonl", 4, 1), "--out", _folder.At("bad")]);
    }

    [TestCase(2, false)]
    [TestCase(5, false)]
    [TestCase(3, true)]
    public void A_stopped_run_goes_on_and_ends_with_the_same_values_bit_for_bit(int atOnce, bool isTorn)
    {
        string[] line = [.. Line("--estimator", "antithetic", "--budget", "17", "--at-once", $"{atOnce}")];
        CliRun.Json([.. line, "--out", _folder.At("whole")]);
        Assert.That(Stopped([.. line, "--out", _folder.At("stopped")], "value ["), Is.EqualTo(130));
        string table = _folder.At("stopped", "values.jsonl");
        int lines = File.ReadAllLines(table).Length;
        Assert.That(lines, Is.LessThan(File.ReadAllLines(_folder.At("whole", "values.jsonl")).Length).And.EqualTo(2));
        Assert.That(File.Exists(_folder.At("stopped", "values.json")), Is.False);
        if (isTorn) File.WriteAllText(table, File.ReadAllText(table)[..^7]);

        JsonObject resumed = CliRun.Json([.. line, "--out", _folder.At("stopped")]);
        Assert.That((int)resumed["measured"]!, isTorn ? Is.EqualTo((int)resumed["fine_tunings"]!) : Is.LessThan((int)resumed["fine_tunings"]!), "whole batches are used again");
        Assert.That(File.ReadAllBytes(_folder.At("stopped", "values.json")), Is.EqualTo(File.ReadAllBytes(_folder.At("whole", "values.json"))));
        Assert.That(File.ReadAllBytes(table), Is.EqualTo(File.ReadAllBytes(_folder.At("whole", "values.jsonl"))));
    }

    [TestCase("first", "value [", 1)]
    [TestCase("first", "first 4 steps", 4)]
    [TestCase("second", "value [", 1)]
    public void A_stopped_run_in_one_training_goes_on_too(string order, string stopAt, int steps)
    {
        string[] line = [.. Line("--estimator", "in-run", "--budget", "4", "--order", order)];
        CliRun.Json([.. line, "--out", _folder.At("whole")]);
        Assert.That(Stopped([.. line, "--out", _folder.At("stopped")], stopAt), Is.EqualTo(130));
        Assert.That(File.Exists(_folder.At("stopped", "values.json")), Is.False);
        Assert.That(Directory.GetFileSystemEntries(_folder.At("stopped", "checkpoint")), Has.Length.EqualTo(2));
        CliRun.Fails(2, ["game.json", "--force"], [.. line, "--normalise", "--out", _folder.At("stopped")]);
        CliRun.Fails(2, ["--out", "not empty"], [.. Line("--estimator", "exact"), "--out", _folder.At("stopped")]);

        CliRun resumed = CliRun.Of([.. line, "--out", _folder.At("stopped")]);
        Assert.That(resumed.ExitCode, Is.Zero, resumed.Error);
        Assert.That(resumed.Error, Does.Contain($"{steps} of the 12 steps are made already").And.Contain("for the rest"));
        Assert.That(File.ReadAllBytes(_folder.At("stopped", "values.json")), Is.EqualTo(File.ReadAllBytes(_folder.At("whole", "values.json"))));
        Assert.That(Directory.Exists(_folder.At("stopped", "checkpoint")), Is.False, "it is done");
        CliRun.Fails(2, ["--out", "not empty"], [.. line, "--out", _folder.At("stopped")]);
    }

    [Test]
    public void A_training_that_was_stopped_before_its_first_step_begins_again_and_force_does_in_any_case()
    {
        string[] line = [.. Line("--estimator", "in-run", "--budget", "4"), "--out", _folder.At("out")];
        using var stop = new CancellationTokenSource();
        stop.Cancel();
        Assert.That(CommandLine.Run(line, new VerbConsole(TextWriter.Null, TextWriter.Null), stop.Token), Is.EqualTo(130));
        Assert.That(File.Exists(_folder.At("out", "checkpoint", "game.json")));
        CliRun begun = CliRun.Of(line);
        Assert.That(begun.ExitCode, Is.Zero, begun.Error);
        Assert.That(Stopped([.. line, "--force"], "value ["), Is.EqualTo(130));
        CliRun forced = CliRun.Of([.. line, "--force"]);
        Assert.That(forced.ExitCode, Is.Zero, forced.Error);
        Assert.That(begun.Error + forced.Error, Does.Not.Contain("made already"));
    }

    [Test]
    public void One_training_takes_the_memory_that_it_says_in_smaller_passes_where_there_is_less()
    {
        string[] line = [.. Line("--estimator", "in-run", "--batch-size", "5")];
        CliRun shown = CliRun.Of([.. line, "--out", _folder.At("shown")]);
        Assert.That(shown.Error, Does.Contain("plan: at most 8192 token rows a pass, ").And.Contain("MB"));
        JsonObject roomy = CliRun.Json([.. line, "--out", _folder.At("roomy")]);
        CliRun none = CliRun.Of([.. line, "--memory-budget", "10kB", "--quiet", "--out", _folder.At("none")]);
        string least = System.Text.RegularExpressions.Regex.Match(none.Error, "at least ([0-9]+) bytes").Groups[1].Value;
        JsonObject tight = CliRun.Json([.. line, "--memory-budget", least, "--out", _folder.At("tight")]);
        Assert.Multiple(() =>
        {
            Assert.That((none.ExitCode, Directory.Exists(_folder.At("none"))), Is.EqualTo((2, false)));
            Assert.That(none.Error, Does.Match("^--memory-budget: expected at least [0-9]+ bytes, for one record a pass; .*--batch-size.*, got 10000\n$"));
            Assert.That(((int)roomy["rows"]!, (int)tight["rows"]!), Is.EqualTo((8192, 7)), "a record has seven tokens");
            Assert.That((long)tight["planned_bytes"]!, Is.LessThan((long)roomy["planned_bytes"]!));
            Assert.That($"{(long)tight["planned_bytes"]!}", Is.EqualTo(least));
            foreach ((JsonNode? a, JsonNode? b) in tight["proxies"]!.AsArray().Zip(roomy["proxies"]!.AsArray()))
                Assert.That((double)a!["value"]!, Is.EqualTo((double)b!["value"]!).Within(0.01).Percent);
        });
    }

    [Test]
    public void A_table_that_lacks_only_the_base_is_made_whole()
    {
        Value("out", "--estimator", "leave-one-out", "--at-once", "1");
        string table = _folder.At("out", "values.jsonl"), whole = File.ReadAllText(table);
        File.WriteAllLines(table, File.ReadAllLines(table).Where(text => !text.Contains("\"0000000000000000\"", StringComparison.Ordinal)));
        Assert.That(File.ReadAllText(table), Is.Not.EqualTo(whole));
        Assert.That((int)Value("out", "--estimator", "leave-one-out")["measured"]!, Is.Zero);
        Assert.That(File.ReadAllText(table), Has.Length.EqualTo(whole.Length));
    }

    [Test]
    public void A_table_of_other_clusters_with_the_same_proxies_is_refused()
    {
        ClusterFolder singles = ClusterFolder.OfSingles(NativeFl.Data.RecordReader.Read([_data]));
        string[] Line(string name, params RecordCluster[] clusters)
        {
            Directory.CreateDirectory(_folder.At(name));
            (singles with { Clusters = clusters }).Write(_folder.At(name));
            return ["refine", "value", "--model", Model, "--validation", _validation, "--proxies", _folder.At(name), "--estimator", "exact", .. Training, "--out", _folder.At("out")];
        }

        CliRun.Json(Line("first", new("3", ["0", "3"]), new("1", ["1", "2", "4"])));
        CliRun.Fails(2, ["values.jsonl", "another game"], Line("second", new("3", ["0", "2", "3"]), new("1", ["1", "4"])));
    }

    [Test]
    public void A_larger_budget_and_another_estimator_go_on_from_the_table()
    {
        int small = (int)Value("out", "--estimator", "permutation", "--budget", "9")["measured"]!;
        JsonObject larger = Value("out", "--estimator", "permutation", "--budget", "21"), alone = Value("alone", "--estimator", "permutation", "--budget", "21");
        Assert.That((int)larger["measured"]!, Is.EqualTo((int)alone["measured"]! - small));
        Assert.That(larger["proxies"]!.ToJsonString(), Is.EqualTo(alone["proxies"]!.ToJsonString()));
        JsonObject exact = Value("out", "--estimator", "exact");
        Assert.That((int)exact["measured"]!, Is.EqualTo(31 - (int)alone["measured"]!));
        Assert.That((int)Value("out", "--estimator", "leave-one-out")["measured"]!, Is.Zero);
    }

    [Test]
    public void A_table_of_another_game_is_refused_unless_it_is_replaced()
    {
        Value("out", "--estimator", "leave-one-out");
        CliRun.Fails(2, ["values.jsonl", "another game"], [.. Line("--estimator", "leave-one-out", "--lr", "2e-3"), "--out", _folder.At("out")]);
        JsonObject result = Value("out", "--estimator", "leave-one-out", "--lr", "2e-3", "--force");
        Assert.That((int)result["measured"]!, Is.EqualTo(6));
        CliRun.Fails(2, ["--out", "not empty"], [.. Line("--estimator", "leave-one-out"), "--out", _folder.Root]);
        CliRun.Fails(2, ["--out", "not empty"], [.. Line("--estimator", "in-run"), "--out", _folder.At("out")]);
        CliRun.Fails(2, ["--memory-budget", "at least"], [.. Line("--memory-budget", "1KiB"), "--out", _folder.At("more")]);
    }

    [Test]
    public void How_many_fit_side_by_side_follows_the_memory_and_changes_no_value()
    {
        JsonObject roomy = Value("roomy", "--estimator", "exact"), alone = Value("alone", "--estimator", "exact", "--at-once", "1");
        long one = (long)alone["planned_bytes"]!;
        JsonObject tight = Value("tight", "--estimator", "exact", "--memory-budget", (one + (one / 8)).ToString(CultureInfo.InvariantCulture));
        Assert.Multiple(() =>
        {
            Assert.That((int)alone["at_once"]!, Is.EqualTo(1));
            Assert.That((int)tight["at_once"]!, Is.LessThan((int)roomy["at_once"]!));
            Assert.That((long)tight["planned_bytes"]!, Is.LessThanOrEqualTo(one + (one / 8)));
            Assert.That(tight["proxies"]!.ToJsonString(), Is.EqualTo(roomy["proxies"]!.ToJsonString()));
            Assert.That(alone["proxies"]!.ToJsonString(), Is.EqualTo(roomy["proxies"]!.ToJsonString()));
        });
        CliRun.Fails(2, ["--memory-budget", "bytes"], [.. Line("--memory-budget", "10kB"), "--out", _folder.At("none")]);
    }

    [Test]
    public void The_plan_is_shown_before_and_seconds_are_used()
    {
        CliRun run = CliRun.Of([.. Line("--estimator", "permutation", "--budget", "13"), "--out", _folder.At("out")]);
        Assert.That(run.ExitCode, Is.Zero, run.Error);
        Assert.That(run.Error, Does.Contain("5 players, permutation: ").And.Contain("fine-tunings on").And.Contain("side by side").And.Contain("for the rest"));
        Assert.That(run.Output, Does.Contain("stderr").And.Contain("fine-tunings"));
        CliRun timed = CliRun.Of([.. Line("--estimator", "exact", "--budget-seconds", "600"), "--out", _folder.At("timed")]);
        Assert.That(timed.ExitCode, Is.Zero, timed.Error);
        Assert.That(timed.Error, Does.Contain("as many fine-tunings as 600 seconds allow").And.Contain("31 fine-tunings"));
        CliRun.Fails(2, ["--budget-seconds", "about"], [.. Line("--estimator", "exact", "--budget-seconds", "0.001", "--quiet"), "--out", _folder.At("short")]);
    }

    [Test]
    public void A_fine_tuning_that_diverges_is_left_out_and_counted()
    {
        CliRun run = CliRun.Of([.. Line("--estimator", "leave-one-out", "--lr", "1e30", "--grad-clip", "0", "--epochs", "4"), "--out", _folder.At("out"), "--quiet"]);
        Assert.That(run.ExitCode, Is.Zero, run.Error);
        Assert.That(run.Error, Does.Contain("left out"));
        Assert.That(ValueFolder.Read(_folder.At("out")).LeftOut, Is.GreaterThan(0));
    }

    [Test]
    public void Values_out_of_one_training_are_those_of_the_library_and_a_budget_is_its_epochs()
    {
        JsonObject result = Value("out", "--estimator", "in-run", "--budget", "3", "--order", "second");
        ProxyValues values = ValueFolder.Read(_folder.At("out"));
        Assert.That((values.Estimator, values.Groups, values.FineTunings), Is.EqualTo(("in-run", 5, 1)));
        Assert.That((int)result["tokens"]!, Is.EqualTo(3 * 5 * 7), "three passes over five records of seven tokens");
        Assert.That(values.WholeValue - values.EmptyValue, Is.EqualTo(values.Proxies.Sum(proxy => proxy.Value)).Within(0.3 * Math.Abs(values.WholeValue!.Value - values.EmptyValue!.Value)), "to the second order");
        Assert.That(File.Exists(_folder.At("out", "report.html")) && File.Exists(_folder.At("out", "records.jsonl")));
        JsonObject normalised = Value("normalised", "--estimator", "in-run", "--epochs", "3", "--normalise");
        Assert.That(normalised["proxies"]!.ToJsonString(), Is.Not.EqualTo(result["proxies"]!.ToJsonString()));
    }

    [TestCase("--estimator in-run --groups 2", "--groups", "in-run")]
    [TestCase("--estimator in-run --budget-seconds 2", "--budget-seconds", "in-run")]
    [TestCase("--estimator in-run --at-once 2", "--at-once", "in-run")]
    [TestCase("--estimator in-run --utility accuracy", "--utility", "log-probability")]
    [TestCase("--estimator in-run --budget 2 --epochs 2", "--budget", "two of them")]
    [TestCase("--estimator exact --normalise", "--normalise", "in-run")]
    [TestCase("--budget 4 --estimator permutation", "--budget", "at least 5")]
    [TestCase("--budget 30 --estimator exact", "--budget", "at least 31")]
    [TestCase("--budget 9 --budget-seconds 3", "--budget-seconds", "both")]
    [TestCase("--groups 6", "--groups", "from 1 to 5")]
    [TestCase("--tolerance 0.1", "--tolerance", "truncated")]
    [TestCase("--estimator guess", "--estimator", "one of")]
    [TestCase("--utility accuracy", "--utility", "choices")]
    [TestCase("--memory-budget 1GB,2GB", "--memory-budget", "one size")]
    public void Flags_that_make_no_sense_are_refused(string flags, string names, string says) =>
        CliRun.Fails(2, [names, says], [.. Line(flags.Split(' ')), "--out", _folder.At("out")]);

    [Test]
    public void Validation_must_be_disjoint_and_data_must_be_whole()
    {
        string overlapping = _folder.Write("overlap.jsonl", File.ReadAllLines(_validation)[0] + "\n" + File.ReadAllLines(_data)[3] + "\n");
        string twice = _folder.Write("twice.jsonl", """{"id":"a","input_ids":[1,2,3]}""" + "\n" + """{"id":"a","input_ids":[4,2,3]}""" + "\n");
        string empty = _folder.Write("empty.jsonl", """{"question":"0102","answer":" "}""" + "\n");
        string[] Of(string data, string validation, params string[] more) =>
            ["refine", "value", "--model", Model, "--data", data, "--validation", validation, .. Training, .. more, "--out", _folder.At("out")];
        CliRun.Fails(2, ["--validation", "overlap.jsonl:2", "data.jsonl:4"], Of(_data, overlapping));
        CliRun.Fails(2, ["--validation", "--test", "overlap.jsonl:1"], Of(_data, _validation, "--test", overlapping));
        CliRun.Fails(2, ["twice.jsonl:2"], Of(twice, _validation));
        CliRun.Fails(2, ["empty.jsonl:1", "answer"], Of(empty, _validation));
        CliRun.Fails(2, ["--data", "--proxies"], ["refine", "value", "--model", Model, "--validation", _validation, "--out", _folder.At("out")]);
        Assert.That(Directory.Exists(_folder.At("out")), Is.False, "nothing is left behind");
    }

    /// <summary>The exit code of a run at which somebody presses Ctrl-C when a text appears.</summary>
    private static int Stopped(string[] line, string text)
    {
        using var stop = new CancellationTokenSource();
        using var output = new StringWriter();
        using var error = new StopAt(text, stop);
        return CommandLine.Run(line, new VerbConsole(output, error, IsErrorTerminal: true), stop.Token);
    }

    private static string[] Training => ["--rank", "2", "--batch-size", "2", "--lr", "1e-2", "--seed", "3", "--device", "cpu"];

    private string[] Line(params string[] flags) =>
        ["refine", "value", "--model", Model, "--data", _data, "--validation", _validation, .. Training.Chunk(2).Where(pair => !flags.Contains(pair[0])).SelectMany(pair => pair), .. flags];

    private JsonObject Value(string name, params string[] flags) => CliRun.Json([.. Line(flags), "--out", _folder.At(name)]);

    private string Records(string name, int count, int seed) => _folder.Write(name, string.Concat(Enumerable.Range(0, count).Select(i => string.Create(
        CultureInfo.InvariantCulture, $"{{\"input_ids\":[{seed + (3 * i)},{seed + i},{7 + i},{seed + (11 * i)},{5 * i},{2 + seed + i},{(seed * i) % 97}]}}\n"))));
}
