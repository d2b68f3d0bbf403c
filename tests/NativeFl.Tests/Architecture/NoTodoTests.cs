namespace NativeFl.Tests.Architecture;

/// <summary>What is in the tree is finished.</summary>
public sealed class NoTodoTests
{
    // Put together here, so that this file does not hold them.
    private static readonly string[] Marks = ["TO" + "DO", "FIX" + "ME", "HA" + "CK:", "NotImplemented" + "Exception", "catch (Excep" + "tion)", "#reg" + "ion", "Assert.Pa" + "ss"];

    [Test]
    public void No_file_carries_a_mark_of_unfinished_work()
    {
        string[] found =
        [
            .. RepositoryTree.TextFiles().SelectMany(file => File.ReadLines(file)
                .Select((line, index) => (line, index))
                .Where(entry => Marks.Any(mark => entry.line.Contains(mark, StringComparison.Ordinal)))
                .Select(entry => $"{RepositoryTree.Relative(file)}:{entry.index + 1}: {entry.line.Trim()}")),
        ];
        Assert.That(found, Is.Empty);
    }
}
