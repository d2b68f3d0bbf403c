using NativeFl.Cli;

namespace NativeFl.Tests.Cli;

/// <summary>Verbs of two words.</summary>
public sealed class VerbGroupTests
{
    [Test]
    public void A_group_lists_its_verbs_and_each_of_them_its_flags()
    {
        CliRun all = CliRun.Of("--help"), group = CliRun.Of("refine", "--help"), verb = CliRun.Of("refine", "cluster", "--help");
        string[] words = [.. CommandLine.Verbs.Where(v => v.Group == "refine").Select(v => v.Word)];
        Assert.Multiple(() =>
        {
            Assert.That(words, Does.Contain("cluster"));
            Assert.That(all.ExitCode + group.ExitCode + verb.ExitCode, Is.Zero);
            Assert.That(all.Output, Does.Contain("  refine"));
            Assert.That(words.Where(word => !group.Output.Contains("  " + word, StringComparison.Ordinal)), Is.Empty);
            Assert.That(verb.Output, Does.Contain("refine cluster").And.Contain("--clusters").And.Contain("--recipe"));
        });
    }

    [TestCase("refine", "nativefl refine: expected a verb (cluster", "), got none")]
    [TestCase("refine nothing", "nativefl refine: expected a verb (cluster", "got 'nothing'")]
    [TestCase("refine --json", "nativefl refine: expected a verb (", "got '--json'")]
    [TestCase("refine --version", "nativefl refine", "--version")]
    [TestCase("cluster", "nativefl: expected a verb", "'cluster'")]
    [TestCase("refine cluster --foo", "nativefl refine cluster: expected a flag that 'nativefl refine cluster --help' lists", "'--foo'")]
    [TestCase("refine cluster --clusters", "nativefl refine cluster", "--clusters")]
    public void What_is_no_verb_of_a_group_ends_with_2_and_one_line(string line, string says, string too) =>
        CliRun.Fails(2, [says, too], line.Split(' '));

    [Test]
    public void A_recipe_is_of_the_verb_of_two_words()
    {
        using var folder = new TemporaryFolder();
        string recipe = folder.Write("recipe.json", """{"$comment": "nativefl refine cluster --recipe FILE", "clusters": 2, "rank": 3}""");
        CliRun.Fails(2, ["recipe.json: $.rank", "a flag of 'refine cluster' in camel case"], "refine", "cluster", "--recipe", recipe);
    }
}
