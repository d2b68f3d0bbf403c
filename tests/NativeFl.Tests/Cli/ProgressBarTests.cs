using NativeFl.Cli;
using NativeFl.Tests.Models;

namespace NativeFl.Tests.Cli;

public sealed class ProgressBarTests
{
    private TemporaryFolder _folder = null!;
    private string[] _train = [], _federate = [];

    [SetUp]
    public void Open()
    {
        _folder = new TemporaryFolder();
        using var fixture = new FixtureCase("llama-bf16");
        string[] common = ["--model", CliRun.Fixture("models", "llama-bf16"), "--data", VerbInput.Records(fixture, _folder), "--batch-size", "1", "--out", _folder.At("out")];
        _train = ["train", .. common, "--steps", "4", "--eval-data", _folder.At("data.jsonl"), "--eval-every", "4"];
        _federate = ["federate", .. common, "--clients", "2", "--rank", "2", "--rounds", "2"];
    }

    [TearDown]
    public void Close() => _folder.Dispose();

    [Test]
    public void On_a_terminal_it_says_how_far_how_fast_and_how_long_still()
    {
        (string error, string[] drawn) = Error(_train);
        Assert.That(drawn[0], Does.Match(@"^train \[#{6}\.{18}\] 1/4  \d+ tokens/s  \d+:\d\d left  loss \d+\.\d{4}$"));
        Assert.That(drawn[^1], Does.Match(@"^train \[#{24}\] 4/4  [1-9]\d* tokens/s  0:00 left  loss \d+\.\d{4} *$"));
        Assert.That(error, Does.Match(@"\r +\rstep 4: held-out loss \d"), "a note begins on a line that was wiped");
    }

    [Test]
    public void A_federation_has_one_for_every_round()
    {
        (string error, string[] drawn) = Error(_federate);
        Assert.That(drawn, Has.Some.Match(@"^round 1 \[#{24}\] 3/3  \d+ tokens/s  0:00 left  client [01] loss \d+\.\d{4} *$"));
        Assert.That(drawn, Has.Some.Match(@"^round 2 \[#{24}\] 3/3  \d+ tokens/s  0:00 left  client [01] loss \d+\.\d{4} *$"));
        Assert.That(error, Does.EndWith("\r"), "it is wiped when it is done");
    }

    [TestCase(false, false)]
    [TestCase(false, true)]
    [TestCase(true, true)]
    public void Off_a_terminal_or_quiet_there_is_none(bool isTerminal, bool isQuiet)
    {
        foreach (string[] line in new[] { _train, [.. _federate, "--force"] })
        {
            (string error, string[] drawn) = Error(isQuiet ? [.. line, "--quiet"] : line, isTerminal);
            Assert.That(drawn, Is.Empty, error);
            Assert.That(error, Does.Not.Contain("\r").And.Not.Contain("tokens/s"));
            if (isQuiet) Assert.That(error, Is.Empty);
        }
    }

    [TestCase(0, "0:00")]
    [TestCase(59.9, "0:59")]
    [TestCase(247, "4:07")]
    [TestCase(3600, "1:00:00")]
    [TestCase(93847, "26:04:07")]
    public void Time_left_is_in_hours_minutes_and_seconds(double seconds, string text) =>
        Assert.That(Figures.Duration(TimeSpan.FromSeconds(seconds)), Is.EqualTo(text));

    [TestCase(0, 25, 75)]
    [TestCase(15, 25, 187.5)]
    [TestCase(25, 25, 0)]
    [TestCase(0, 100, 0)]
    public void Time_left_follows_from_what_this_run_did(long from, long done, double seconds) =>
        Assert.That(ProgressBar.Left(25, done, 100, from).TotalSeconds, Is.EqualTo(seconds));

    /// <summary>stderr, and every state of the bar in it.</summary>
    private static (string Error, string[] Drawn) Error(string[] line, bool isTerminal = true)
    {
        using var output = new StringWriter();
        using var error = new StringWriter { NewLine = "\n" };
        int code = CommandLine.Run(line, new VerbConsole(output, error, IsErrorTerminal: isTerminal));
        Assert.That(code, Is.Zero, error.ToString());
        string text = error.ToString();
        return (text, [.. text.Split('\r', '\n').Where(part => part.Contains(" left  ", StringComparison.Ordinal))]);
    }
}
