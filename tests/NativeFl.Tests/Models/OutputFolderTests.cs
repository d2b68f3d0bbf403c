using NativeFl.Models;
using NativeFl.Tests.Cli;

namespace NativeFl.Tests.Models;

public sealed class OutputFolderTests
{
    [Test]
    public void The_folder_appears_on_commit_with_everything_in_it()
    {
        using TemporaryFolder folder = new();
        using (OutputFolder output = OutputFolder.Create(folder.At("a/b/out"), force: false))
        {
            Directory.CreateDirectory(Path.Combine(output.WorkPath, "sub"));
            File.WriteAllText(Path.Combine(output.WorkPath, "sub", "x"), "1");
            Assert.That(Directory.Exists(folder.At("a/b/out")), Is.False);
            Assert.That(Path.GetDirectoryName(output.WorkPath), Is.EqualTo(folder.At("a/b")));
            output.Commit();
        }

        Assert.That(File.ReadAllText(folder.At("a/b/out/sub/x")), Is.EqualTo("1"));
        Assert.That(Directory.GetFileSystemEntries(folder.At("a/b")), Has.Length.EqualTo(1));
    }

    [Test]
    public void Without_a_commit_nothing_is_left_not_even_the_parents()
    {
        using TemporaryFolder folder = new();
        using (OutputFolder output = OutputFolder.Create(folder.At("a/b/out"), force: false))
            File.WriteAllText(Path.Combine(output.WorkPath, "x"), "1");
        Assert.That(Directory.GetFileSystemEntries(folder.Root), Is.Empty);
    }

    [Test]
    public void A_parent_that_another_filled_meanwhile_stays()
    {
        using TemporaryFolder folder = new();
        using (OutputFolder.Create(folder.At("a/b/out"), force: false)) folder.Write("a/other", "1");
        Assert.That(File.Exists(folder.At("a/other")), Is.True);
        Assert.That(Directory.Exists(folder.At("a/b")), Is.False);
    }

    [TestCase(false)]
    [TestCase(true)]
    public void An_empty_folder_is_filled(bool withSlash)
    {
        using TemporaryFolder folder = new();
        Directory.CreateDirectory(folder.At("out"));
        using OutputFolder output = OutputFolder.Create(folder.At("out") + (withSlash ? "/" : ""), force: false);
        File.WriteAllText(Path.Combine(output.WorkPath, "x"), "1");
        output.Commit();
        Assert.That(File.Exists(folder.At("out/x")), Is.True);
        Assert.That(() => output.Commit(), Throws.InstanceOf<ObjectDisposedException>());
    }

    [Test]
    public void A_folder_that_is_not_empty_needs_force()
    {
        using TemporaryFolder folder = new();
        Directory.CreateDirectory(folder.At("out"));
        folder.Write("out/old", "1");
        Assert.That(
            () => OutputFolder.Create(folder.At("out"), force: false),
            SafetensorsFileTests.Refused("--out " + folder.At("out"), "an empty or new folder (or --force)", "not empty"));
        using (OutputFolder.Create(folder.At("out"), force: true))
        {
        }

        Assert.That(File.Exists(folder.At("out/old")), Is.True);
        using (OutputFolder output = OutputFolder.Create(folder.At("out"), force: true))
        {
            File.WriteAllText(Path.Combine(output.WorkPath, "new"), "1");
            output.Commit();
        }

        Assert.That(Directory.GetFiles(folder.At("out")).Select(Path.GetFileName), Is.EqualTo(new[] { "new" }));
        Assert.That(Directory.GetFileSystemEntries(folder.Root), Has.Length.EqualTo(1));
    }

    [Test]
    public void A_target_that_is_no_folder_is_refused()
    {
        using TemporaryFolder folder = new();
        folder.Write("file", "1");
        Assert.Multiple(() =>
        {
            Assert.That(() => OutputFolder.Create(folder.At("file"), force: true), SafetensorsFileTests.Refused("--out " + folder.At("file"), "a file"));
            Assert.That(() => OutputFolder.Create(folder.At("file/out"), force: true), SafetensorsFileTests.Refused("--out " + folder.At("file/out")));
            Assert.That(() => OutputFolder.Create("", force: true), SafetensorsFileTests.Refused("--out"));
            Assert.That(() => OutputFolder.Create("a\0b", force: true), SafetensorsFileTests.Refused("--out"));
            Assert.That(() => OutputFolder.Create(".", force: true), SafetensorsFileTests.Refused("--out .", "current folder"));
            Assert.That(() => OutputFolder.Create("/", force: true), SafetensorsFileTests.Refused("--out /", "current folder"));
        });
    }

    [Test]
    public void A_read_only_file_does_not_hinder_the_commit()
    {
        using TemporaryFolder folder = new();
        using OutputFolder output = OutputFolder.Create(folder.At("out"), force: false);
        string file = Path.Combine(output.WorkPath, "x");
        File.WriteAllText(file, "1");
        if (!OperatingSystem.IsWindows()) File.SetUnixFileMode(file, UnixFileMode.UserRead);
        output.Commit();
        Assert.That(File.ReadAllText(folder.At("out/x")), Is.EqualTo("1"));
    }
}
