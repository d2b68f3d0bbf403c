using System.Text.Json;
using System.Text.Json.Nodes;
using NativeFl.Cli;

namespace NativeFl.Tests.Cli.Trained;

public sealed class EvalVerbTests
{
    private const string Template = "<|begin_of_text|><|user|> {prompt}<|assistant|> {answer}";

    private TemporaryFolder _folder = null!;

    [SetUp]
    public void Open() => _folder = new TemporaryFolder();

    [TearDown]
    public void Close() => _folder.Dispose();

    /// <summary>What a choice is worth is measured by another verb: the perplexity of the one record that the choice makes.</summary>
    [Test]
    public void Multiple_choice_takes_the_choice_of_the_lowest_mean_loss()
    {
        (string Question, string[] Choices)[] items =
        [
            ("Say the plural of box.", ["The plural of box is boxes.", "box", "The sum of five and three is eight."]),
            ("What is the sum of one and two?", ["On paper", "The sum of one and two is three.", "three three three three three"]),
            ("Repeat this: cup.", ["cup", "The echo of cup is cup."]),
        ];
        int[] best = [.. items.Select(item =>
        {
            double[] losses = [.. item.Choices.Select(choice => LossOf(item.Question, choice))];
            return Array.IndexOf(losses, losses.Min());
        })];
        // The first two are marked right, the last one wrong.
        string[] lines = [.. items.Select((item, i) => Line(new()
        {
            ["question"] = item.Question,
            ["choices"] = new JsonArray([.. item.Choices.Select(c => JsonValue.Create(c))]),
            ["answer"] = i < 2 ? best[i] : 1 - best[i],
        }))];
        JsonObject result = Eval("multiple-choice", _folder.Write("choices.jsonl", string.Join('\n', lines)));
        Assert.Multiple(() =>
        {
            Assert.That((double)result["accuracy"]!, Is.EqualTo(2 / 3.0).Within(1e-12));
            Assert.That((double)result["stderr"]!, Is.EqualTo(1 / 3.0).Within(1e-12), "the standard deviation of 1, 1, 0 over the root of 3");
            Assert.That((int)result["count"]!, Is.EqualTo(3));
        });
    }

    /// <summary>What a prompt generates is taken from another verb, and marked right or wrong.</summary>
    [Test]
    public void Exact_match_counts_answers_that_come_out_right()
    {
        string[] questions = ["Say the plural of box.", "What is the sum of one and two?", "Repeat this: cup.", "Say the plural of radio."];
        string[] lines = [.. questions.Select((question, i) =>
            Line(new() { ["question"] = question, ["answer"] = Generated(question) + (i == 1 ? "?!" : "") }))];
        string data = _folder.Write("questions.jsonl", string.Join('\n', lines));
        JsonObject result = Eval("exact-match", data, "--max-new-tokens", "6");
        Assert.Multiple(() =>
        {
            Assert.That((double)result["accuracy"]!, Is.EqualTo(0.75));
            Assert.That((double)result["stderr"]!, Is.EqualTo(0.25).Within(1e-12));
            Assert.That((int)result["count"]!, Is.EqualTo(4));
        });
        JsonObject one = Eval("exact-match", data, "--max-new-tokens", "6", "--batch-size", "1");
        Assert.That((double)one["accuracy"]!, Is.EqualTo(0.75), "batched or one by one");
    }

    [Test]
    public void Exact_match_compares_what_the_expression_extracts()
    {
        string generated = Generated("Say the plural of box."), first = generated.Trim()[..1];
        string data = _folder.Write("one.jsonl", Line(new() { ["question"] = "Say the plural of box.", ["answer"] = first + " and something else" }));
        Assert.Multiple(() =>
        {
            Assert.That((double)Eval("exact-match", data, "--max-new-tokens", "6")["accuracy"]!, Is.Zero);
            Assert.That((double)Eval("exact-match", data, "--max-new-tokens", "6", "--extract", @"^\s*(\S)")["accuracy"]!, Is.EqualTo(1));
        });
    }

    [TestCase("multiple-choice")]
    [TestCase("exact-match")]
    public void A_task_that_is_stopped_ends_with_130(string task)
    {
        string data = _folder.Write("one.jsonl", Line(new()
        {
            ["question"] = "Say the plural of box.",
            ["choices"] = new JsonArray("box", "boxes"),
            ["answer"] = task == "multiple-choice" ? JsonValue.Create(1) : JsonValue.Create("boxes"),
        }));
        using var stop = new CancellationTokenSource();
        stop.Cancel();
        CliRun run = CliRun.Of(["eval", "--task", task, "--model", SmallQuickstart.Base, "--data", data, "--template", Template], stop.Token);
        Assert.That(run.ExitCode, Is.EqualTo(130), run.Error);
        Assert.That(run.Output, Is.Empty);
    }

    [Test]
    public void Generate_streams_to_a_terminal_what_it_prints_elsewhere()
    {
        string[] line = ["generate", "--model", SmallQuickstart.Base, "--prompt", "The plural of", "--max-new-tokens", "24"];
        using var terminal = new StringWriter();
        using var error = new StringWriter();
        int code = CommandLine.Run(line, new VerbConsole(terminal, error, IsOutTerminal: true), default);
        Assert.That(code, Is.Zero, error.ToString());
        string text = (string)CliRun.Json(line)["text"]![0]!;
        Assert.That(text.Trim(), Is.Not.Empty);
        Assert.That(terminal.ToString().TrimEnd('\n'), Is.EqualTo(text));
    }

    private static string Generated(string question) => (string)CliRun.Json(
        "generate", "--model", SmallQuickstart.Base, "--prompt", question, "--template", Template, "--max-new-tokens", "6")["text"]![0]!;

    private double LossOf(string question, string choice)
    {
        string data = _folder.Write("choice.jsonl", Line(new() { ["question"] = question, ["answer"] = choice }));
        return (double)Eval("perplexity", data)["loss"]!;
    }

    private static JsonObject Eval(string task, string data, params string[] more) =>
        CliRun.Json(["eval", "--task", task, "--model", SmallQuickstart.Base, "--data", data, "--template", Template, .. more]);

    private static string Line(JsonObject record) => JsonSerializer.Serialize(record);
}
