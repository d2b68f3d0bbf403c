using NativeFl.Cli;
using NativeFl.Cuda.Interop;

namespace NativeFl.Tests.Cli;

public sealed class CommandLineTests
{
    private static IEnumerable<TestCaseData<string, string[]>> WrongFlags()
    {
        yield return new TestCaseData<string, string[]>("", ["nativefl", "a verb", "none"]);
        yield return new TestCaseData<string, string[]>("trian", ["a verb", "'trian'"]);
        yield return new TestCaseData<string, string[]>("info --foo", ["nativefl info", "'--foo'"]);
        yield return new TestCaseData<string, string[]>("info stray", ["nativefl info", "'stray'"]);
        yield return new TestCaseData<string, string[]>("info --lr", ["nativefl info", "--lr"]);
        yield return new TestCaseData<string, string[]>("info --lr 1 --lr 2", ["nativefl info", "--lr"]);
        yield return new TestCaseData<string, string[]>("info --json yes", ["nativefl info", "'yes'"]);
        yield return new TestCaseData<string, string[]>("info --lr -1", ["--lr", "at least 0", "'-1'"]);
        yield return new TestCaseData<string, string[]>("info --lr NaN", ["--lr", "'NaN'"]);
        yield return new TestCaseData<string, string[]>("info --lr 1e999", ["--lr", "'1e999'"]);
        yield return new TestCaseData<string, string[]>("info --lr 0,5", ["--lr", "'0,5'"]);
        yield return new TestCaseData<string, string[]>("info --rank 0", ["--rank", "from 1", "'0'"]);
        yield return new TestCaseData<string, string[]>("info --rank 99999999999", ["--rank", "'99999999999'"]);
        yield return new TestCaseData<string, string[]>("info --rank 4.0", ["--rank", "a whole number", "'4.0'"]);
        yield return new TestCaseData<string, string[]>("info --alpha 0r", ["--alpha", "'0r'"]);
        yield return new TestCaseData<string, string[]>("info --alpha r", ["--alpha", "2r", "'r'"]);
        yield return new TestCaseData<string, string[]>("info --lora-dropout 1", ["--lora-dropout", "below 1", "'1'"]);
        yield return new TestCaseData<string, string[]>("info --seed -1", ["--seed", "'-1'"]);
        yield return new TestCaseData<string, string[]>("info --seed 18446744073709551616", ["--seed", "'18446744073709551616'"]);
        yield return new TestCaseData<string, string[]>("info --schedule step", ["--schedule", "constant, linear, cosine", "'step'"]);
        yield return new TestCaseData<string, string[]>("info --device gpu", ["--device", "auto, cpu, cuda", "'gpu'"]);
        yield return new TestCaseData<string, string[]>("info --device cuda:x", ["--device", "'cuda:x'"]);
        yield return new TestCaseData<string, string[]>("info --dtype f16", ["--dtype", "f32, bf16", "'f16'"]);
        yield return new TestCaseData<string, string[]>("info --blas mkl", ["--blas", "none, openblas", "'mkl'"]);
        yield return new TestCaseData<string, string[]>("info --model no-such-folder", ["--model", "a folder", "does not exist"]);
        yield return new TestCaseData<string, string[]>("info --recipe no-such-file", ["--recipe", "a file", "does not exist"]);
        yield return new TestCaseData<string, string[]>("info --cuda-libraries no-such-folder", ["--cuda-libraries", "a folder"]);
        yield return new TestCaseData<string, string[]>("info --device cuda --rank x", ["--rank", "'x'"]);
    }

    [TestCaseSource(nameof(WrongFlags))]
    public void A_wrong_flag_ends_with_2_and_one_line_that_names_it(string line, string[] says) =>
        CliRun.Fails(2, says, line.Split(' ', StringSplitOptions.RemoveEmptyEntries));

    [Test]
    public void A_device_that_is_not_there_ends_with_1_and_the_reason() => CliRun.Fails(1, ["cuda: not available ("], "info", "--device", "cuda:999");

    [Test]
    public void What_nobody_foresaw_ends_with_1_and_one_line_that_says_where()
    {
        using var output = new BrokenWriter();
        using var error = new StringWriter();
        int code = CommandLine.Run(["--version"], new VerbConsole(output, error));
        string[] lines = error.ToString().Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.That(code, Is.EqualTo(1));
        Assert.That(lines, Has.Length.EqualTo(1));
        Assert.That(lines[0], Does.StartWith("unexpected InvalidOperationException at ").And.Contain(nameof(BrokenWriter)).And.Contain("broken in two"));
    }

    [Test]
    public void Version_and_help_are_printed_on_stdout()
    {
        CliRun version = CliRun.Of("--version"), help = CliRun.Of("info", "--help"), all = CliRun.Of("--help");
        Assert.Multiple(() =>
        {
            Assert.That(version.ExitCode + help.ExitCode + all.ExitCode, Is.Zero);
            Assert.That(version.Output.Trim(), Does.Match(@"^\d+\.\d+\.\d+"));
            Assert.That(help.Output, Does.Contain("--lora-dropout").And.Contain("--recipe"));
            Assert.That(CommandLine.Verbs.Select(v => v.Name.Split(' ')[0]).Where(name => !all.Output.Contains("  " + name, StringComparison.Ordinal)), Is.Empty);
            Assert.That(version.Error + help.Error + all.Error, Is.Empty);
        });
    }

    [Test]
    public void Info_names_what_is_there_and_why_the_rest_is_not()
    {
        var info = CliRun.Json("info");
        Assert.That(info["devices"]!.AsArray().Select(device => (string?)device), Has.Some.StartsWith("cpu"));
        string[] named = [.. info["devices"]!.AsArray().Concat(info["unavailable"]!.AsArray()).Select(text => (string)text!)];
        Assert.That(named, Has.Some.StartsWith("cuda: "), "there, or why not");
    }

    [Test]
    public void The_list_of_kernels_needs_a_device_or_the_compiler()
    {
        string obstacle = NativeLibraries.Obstacle(NativeLibraries.Compiler, Nvrtc.Functions);
        if (obstacle.Length == 0) Assert.Ignore("NVRTC is installed here, so that the kernels can be listed");
        CliRun run = CliRun.Of("info", "--kernels", "--device", "cpu", "--quiet");
        Assert.That(run.ExitCode, Is.EqualTo(1));
        Assert.That(run.Error.Trim(), Is.EqualTo($"cuda: the kernels cannot be compiled ({obstacle})"));
    }

    [Test]
    public void Every_flag_of_every_verb_has_one_name_and_one_recipe_member()
    {
        foreach (Verb verb in CommandLine.Verbs)
        {
            Assert.That(verb.Flags.Select(f => f.Name), Is.Unique, verb.Name);
            Assert.That(verb.Flags.Select(f => RecipeFile.MemberOf(f.Name)), Is.Unique, verb.Name);
            Assert.That(verb.Flags.Select(f => f.Name), Has.All.Match("^--[a-z]+(-[a-z]+)*$"));
        }
    }

    private sealed class BrokenWriter : StringWriter
    {
        public override void WriteLine(string? value) => throw new InvalidOperationException("broken\nin two");
    }
}
