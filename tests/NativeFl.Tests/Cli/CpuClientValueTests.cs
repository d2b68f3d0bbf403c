using System.Text.Json.Nodes;
using NativeFl.Cli;
using NativeFl.Federation;

namespace NativeFl.Tests.Cli;

internal sealed class CpuClientValueTests : ClientValueTest
{
    private string[] Valued(string method, int rounds = 1) => [.. Line(method, rounds), "--value-clients", "fixed", "--value-data", Validation];

    [Test]
    public void The_plan_is_shown_first_and_every_round_has_a_table()
    {
        CliRun run = CliRun.Of([.. Valued("flora", 2), "--value-budget", "5", "--out", At("fed")]);
        Assert.That(run.ExitCode, Is.Zero, run.Error);
        string[] lines = run.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.That(lines[0], Does.Match(@"^client values, every round: exact, 8 coalitions, at most [\d.]+ % of the training operations \(budget 500 %\)"));
        Assert.That(lines.Count(line => line.Contains("leave one out", StringComparison.Ordinal)), Is.EqualTo(2));
        Assert.That(lines.Count(line => line.StartsWith("fixed weights, exact from 8 of at most 8 coalitions", StringComparison.Ordinal)), Is.EqualTo(2));
    }

    [Test]
    public void A_smaller_budget_takes_a_cheaper_estimator_and_one_can_be_asked_for()
    {
        JsonObject small = CliRun.Json([.. Valued("flora"), "--value-budget", "0.8", "--out", At("small")]);
        JsonObject asked = CliRun.Json([.. Valued("flora"), "--value-budget", "9", "--value-estimator", "antithetic", "--out", At("asked")]);
        Assert.That((string)Games(small["rounds"]![0]!.AsObject())[0]["estimator"]!, Is.EqualTo("first-order"));
        JsonObject game = Games(asked["rounds"]![0]!.AsObject())[0];
        Assert.That((string)game["estimator"]!, Is.EqualTo("antithetic"));
        Assert.That((int)game["pairs"]!, Is.AtLeast(ClientValuePlan.LeastPairs));
        CliRun.Fails(2, ["--value-budget", "exact"], [.. Valued("flora"), "--value-budget", "0.8", "--value-estimator", "exact", "--out", At("no")]);
    }

    [Test]
    public void First_order_values_of_the_renormalised_game_say_that_they_have_no_error()
    {
        const string caveat = "have no standard error";
        string[] line = [.. Line("flora"), "--value-clients", "both", "--value-data", Validation, "--value-budget", "9"];
        CliRun run = CliRun.Of([.. line, "--value-estimator", "first-order", "--out", At("small")]);
        Assert.That(run.ExitCode, Is.Zero, run.Error);
        JsonArray games = JsonNode.Parse(File.ReadLines(Path.Combine(At("small"), "metrics.jsonl")).First())!["values"]!.AsArray();
        bool[] hasIntervals = [.. games.SelectMany(game => game!["clients"]!.AsArray().Select(client => client!["interval"] is not null && client["stderr"] is not null).Distinct())];
        Assert.That(hasIntervals, Is.EqualTo(new[] { true, false }), "fixed, renormalised");
        Assert.That(run.Output.Split(caveat), Has.Length.EqualTo(2), "for one game of one round");
        Assert.That(File.ReadAllText(Path.Combine(At("small"), "report.html")), Does.Contain(caveat).And.Contain(", no interval"));
        CliRun exact = CliRun.Of([.. line, "--out", At("exact")]);
        Assert.That(exact.Output + File.ReadAllText(Path.Combine(At("exact"), "report.html")), Does.Not.Contain(caveat).And.Not.Contain(", no interval"));
    }

    [TestCase(null, 1.960)]
    [TestCase(4, 3.182)]
    [TestCase(6, 2.571)]
    [TestCase(11, 2.228)]
    [TestCase(31, 2.042)]
    public void An_interval_from_few_pairs_is_as_wide_as_student_has_it(int? pairs, double quantile) =>
        Assert.That(ClientValueReport.Half(pairs), Is.EqualTo(quantile).Within(0.012 * quantile));

    [Test]
    public void Values_and_weights_that_follow_them_survive_a_stop_to_the_same_bits([Values("flora", "fedavg")] string method)
    {
        string[] line = [.. Valued(method, 3), "--value-budget", "9", "--value-weights"];
        JsonObject whole = CliRun.Json([.. line, "--out", At("whole")]);
        using var stop = new CancellationTokenSource();
        using var output = new StringWriter();
        using var error = new StopAt("round 2 [", stop);
        Assert.That(CommandLine.Run([.. line, "--out", At("stopped")], new VerbConsole(output, error, IsErrorTerminal: true), stop.Token), Is.EqualTo(130), error.ToString());
        JsonObject resumed = CliRun.Json([.. line, "--out", At("stopped"), "--resume"]);
        Assert.That(Values(resumed), Is.EqualTo(Values(whole)));
        Assert.That(Values(whole), Has.Length.EqualTo(9).And.All.Not.Null);
        CliRun.Fails(2, ["--value-budget"], [.. line, "--value-budget", "8", "--out", At("whole"), "--resume", "--force"]);
    }

    [Test]
    public void An_adapter_that_comes_back_as_it_was_sent_is_worth_nothing()
    {
        CliRun.Json([.. Line("fedavg", 2), "--out", At("fed")]);
        string start = Path.Combine(At("fed"), "round-01", "global"), client = Path.Combine(At("fed"), "round-02", "client-01");
        JsonObject result = CliRun.Json([
            "refine", "clients", "--model", CliRun.Fixture("models", "llama"), "--device", "cpu", "--adapters", client, start, "--start", start, "--validation", Validation,
            "--out", At("refined")]);
        Assert.That(Of(Games(result)[0], "value"), Has.ItemAt(1).Zero.And.ItemAt(0).Not.Zero);
    }

    [Test]
    public void Wrong_input_is_refused_with_one_line()
    {
        string[] federate = Line("flora"), refine = ["refine", "clients", "--model", CliRun.Fixture("models", "llama"), "--device", "cpu"];
        string adapter = CliRun.Fixture("models", "llama", "adapter");
        Assert.Multiple(() =>
        {
            CliRun.Fails(2, ["--value-clients", "--value-data"], [.. federate, "--value-clients", "fixed", "--out", At("no")]);
            CliRun.Fails(2, ["--value-budget", "--value-clients with it"], [.. federate, "--value-budget", "0.5", "--out", At("no")]);
            CliRun.Fails(2, ["--value-data", "--value-clients with it"], [.. federate, "--value-data", Validation, "--out", At("no")]);
            CliRun.Fails(2, ["--value-clients", "fixed, renormalised, both"], [.. federate, "--value-clients", "shapley", "--value-data", Validation, "--out", At("no")]);
            CliRun.Fails(2, ["--value-data", "--data"], [.. federate, "--value-clients", "fixed", "--value-data", Data, "--out", At("no")]);
            CliRun.Fails(2, ["--value-data", "--eval-data"], [.. Valued("flora"), "--eval-data", Validation, "--out", At("no")]);
            CliRun.Fails(2, ["--value-budget", "at least"], [.. Valued("flora"), "--value-budget", "0.01", "--out", At("no")]);
            CliRun.Fails(2, ["--value-budget", "above 0"], [.. Valued("flora"), "--value-budget", "0", "--out", At("no")]);
            CliRun.Fails(2, ["--value-clients", "--method local"], [.. Valued("local"), "--out", At("no")]);
            CliRun.Fails(2, ["--weights", "one weight an adapter"], [.. refine, "--adapters", adapter, "--weights", "1,2", "--validation", Validation, "--out", At("no")]);
            CliRun.Fails(2, ["--weights", "above zero"], [.. refine, "--adapters", adapter, "--weights", "0", "--validation", Validation, "--out", At("no")]);
            CliRun.Fails(2, ["--budget", "at least"], [.. refine, "--adapters", adapter, adapter, "--budget", "1", "--validation", Validation, "--out", At("no")]);
            CliRun.Fails(2, ["--estimator", "at least 2 clients", "of 1"], [.. refine, "--adapters", adapter, "--estimator", "antithetic", "--validation", Validation, "--out", At("no")]);
            CliRun.Fails(
                2, ["--estimator", "at most 16 clients", "of 17"],
                [.. refine, "--adapters", .. Enumerable.Repeat(adapter, 17), "--estimator", "exact", "--validation", Validation, "--out", At("no")]);
            CliRun.Fails(2, ["--value-estimator", "at least 2 clients"], [.. Valued("flora"), "--client-fraction", "0.1", "--value-estimator", "antithetic", "--out", At("no")]);
            CliRun.Fails(2, ["--adapters"], [.. refine, "--validation", Validation, "--out", At("no")]);
            CliRun.Fails(2, ["--validation"], [.. refine, "--adapters", adapter, "--out", At("no")]);
        });
        Assert.That(Directory.Exists(At("no")), Is.False);
        JsonObject overlap = CliRun.Json([.. federate, "--value-clients", "fixed", "--value-data", Data, "--value-overlap", "--value-budget", "9", "--out", At("yes")]);
        Assert.That(overlap["rounds"]![0]!["values"], Is.Not.Null);
    }

    private static double?[] Values(JsonObject result) =>
        [.. result["rounds"]!.AsArray().SelectMany(r => r!["clients"]!.AsArray()).Select(c => (double?)c!["value"])];
}
