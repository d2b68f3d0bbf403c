using System.Text.RegularExpressions;

namespace NativeFl.Tests.Architecture;

/// <summary>Names say what a thing is: words that only say "other" are out, and a type is where its name says.</summary>
public sealed partial class NameTests
{
    [Test]
    public void No_file_or_folder_is_named_after_a_drawer()
    {
        IEnumerable<string> names = new[] { "src", "tests", "bench" }
            .SelectMany(folder => RepositoryTree.Files(folder, ".cs", ".csproj", ".py", ".sh"))
            .Select(RepositoryTree.Relative)
            .Where(path => path.Split('/').Any(part => Drawer().IsMatch(part)));
        Assert.That(names, Is.Empty);
    }

    [Test]
    public void No_type_is_named_after_a_drawer()
    {
        IEnumerable<string?> names = ProductAssemblies.All.SelectMany(assembly => assembly.GetTypes())
            .Where(type => !ProductAssemblies.IsGenerated(type) && Drawer().IsMatch(type.Name))
            .Select(type => type.FullName);
        Assert.That(names, Is.Empty);
    }

    [Test]
    public void A_top_level_type_lies_in_the_file_of_its_name()
    {
        HashSet<string> files = [.. RepositoryTree.Files("src", ".cs").Select(file => Path.GetFileNameWithoutExtension(file))];
        IEnumerable<string?> lost = ProductAssemblies.All.SelectMany(assembly => assembly.GetTypes())
            .Where(type => type is { IsPublic: true, IsNested: false } && !ProductAssemblies.IsGenerated(type))
            .Where(type => !files.Contains(type.Name.Split('`')[0]))
            .Select(type => type.FullName);
        Assert.That(lost, Is.Empty);
    }

    [GeneratedRegex("(Utils?|Utilit(y|ies)|Helpers?|Manager|Misc|Common)(\\.|$|`|(?=[A-Z]))")]
    private static partial Regex Drawer();
}
