namespace NativeFl.Tests.Architecture;

/// <summary>A file is about one thing, and short.</summary>
public sealed class FileSizeTests
{
    [TestCase("src", 400)]
    [TestCase("bench", 400)]
    [TestCase("tests", 500)]
    public void Files_stay_short(string folder, int limit)
    {
        IReadOnlyList<string> files = RepositoryTree.Files(folder, ".cs", ".py", ".sh");
        Assert.That(files, Is.Not.Empty);
        string[] tooLong =
        [
            .. files.Select(file => (File: RepositoryTree.Relative(file), Lines: File.ReadLines(file).Count()))
                .Where(file => file.Lines > limit)
                .Select(file => $"{file.File}: {file.Lines} lines, limit {limit}"),
        ];
        Assert.That(tooLong, Is.Empty);
    }

    [Test]
    public void The_readme_fits_on_a_few_screens()
    {
        Assert.That(File.ReadLines(Path.Combine(RepositoryTree.Root, "README.md")).Count(), Is.LessThanOrEqualTo(150));
    }
}
