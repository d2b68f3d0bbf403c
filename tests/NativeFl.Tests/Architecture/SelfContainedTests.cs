using System.Text.RegularExpressions;

namespace NativeFl.Tests.Architecture;

/// <summary>The product speaks of itself alone: no path of somebody's machine, no folder outside the repository, no dead link.</summary>
public sealed partial class SelfContainedTests
{
    [Test]
    public void No_text_names_a_path_outside_the_repository()
    {
        IReadOnlyList<string> files = RepositoryTree.TextFiles();
        Assert.That(files, Has.Count.GreaterThan(50));
        string[] found =
        [
            .. files.SelectMany(file => File.ReadLines(file)
                .Select((line, index) => (line, index))
                .Where(entry => Outside().IsMatch(entry.line))
                .Select(entry => $"{RepositoryTree.Relative(file)}:{entry.index + 1}: {entry.line.Trim()}")),
        ];
        Assert.That(found, Is.Empty);
    }

    [TestCase("see ../" + "shared/x.md", true)]
    [TestCase("cd /wor" + "k/main", true)]
    [TestCase("'/ho" + "me/me/model'", true)]
    [TestCase("bench/work/a", false)]
    [TestCase("a / work / b", false)]
    public void The_rule_tells_outside_from_inside(string line, bool isOutside)
    {
        Assert.That(Outside().IsMatch(line), Is.EqualTo(isOutside));
    }

    [Test]
    public void Every_relative_link_of_a_document_leads_somewhere()
    {
        string[] documents = [.. RepositoryTree.TextFiles().Where(file => file.EndsWith(".md", StringComparison.Ordinal))];
        Assert.That(documents, Is.Not.Empty);
        string[] dead =
        [
            .. documents.SelectMany(file => Link().Matches(File.ReadAllText(file))
                .Select(match => match.Groups[1].Value.Split('#')[0])
                .Where(target => target.Length > 0 && !target.Contains("://", StringComparison.Ordinal))
                .Where(target => !Path.Exists(Path.Combine(Path.GetDirectoryName(file)!, target)))
                .Select(target => $"{RepositoryTree.Relative(file)}: {target}")),
        ];
        Assert.That(dead, Is.Empty);
    }

    [GeneratedRegex(@"\.\.[/]shared|(?<![\w.\]*)])/(work|home|root|Users|mnt)/")]
    private static partial Regex Outside();

    [GeneratedRegex(@"\]\(([^)\s]+)\)")]
    private static partial Regex Link();
}
