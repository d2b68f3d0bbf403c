using NativeFl.Models;
using NativeFl.Tensors;
using NativeFl.Tests.Cli;

namespace NativeFl.Tests.Models;

public sealed class AtomicFileTests
{
    [Test]
    public void A_file_is_made_and_replaced_whole()
    {
        using TemporaryFolder folder = new();
        AtomicFile.WriteText(folder.At("x"), "é");
        Assert.That(File.ReadAllBytes(folder.At("x")), Is.EqualTo(new byte[] { 0xC3, 0xA9 }));
        AtomicFile.WriteText(folder.At("x"), "b");
        Assert.That(File.ReadAllText(folder.At("x")), Is.EqualTo("b"));
        Assert.That(Directory.GetFiles(folder.Root), Has.Length.EqualTo(1));
    }

    [Test]
    public void A_failure_while_writing_leaves_the_old_file_alone()
    {
        using TemporaryFolder folder = new();
        folder.Write("x", "old");
        Assert.That(() => AtomicFile.Write(folder.At("x"), WriteAndFail(new IOException("disk full"))), Throws.TypeOf<RunFailedException>().With.Message.Contains("disk full"));
        Assert.That(() => AtomicFile.Write(folder.At("x"), WriteAndFail(new FormatException())), Throws.TypeOf<FormatException>());
        Assert.That(File.ReadAllText(folder.At("x")), Is.EqualTo("old"));
        Assert.That(Directory.GetFiles(folder.Root), Has.Length.EqualTo(1));
    }

    [Test]
    public void The_new_file_is_not_seen_before_it_is_whole()
    {
        using TemporaryFolder folder = new();
        AtomicFile.Write(folder.At("x"), stream =>
        {
            stream.Write("half"u8);
            stream.Flush();
            Assert.That(File.Exists(folder.At("x")), Is.False);
        });
        Assert.That(File.Exists(folder.At("x")), Is.True);
    }

    [Test]
    public void A_folder_that_is_not_there_is_reported()
    {
        using TemporaryFolder folder = new();
        Assert.That(() => AtomicFile.WriteText(folder.At("none/x"), "a"), Throws.TypeOf<RunFailedException>().With.Message.Contains(folder.At("none/x")));
        Assert.That(() => AtomicFile.WriteText(folder.Root, "a"), Throws.TypeOf<RunFailedException>());
        Assert.That(Directory.GetFileSystemEntries(folder.Root), Is.Empty);
    }

    private static Action<Stream> WriteAndFail(Exception error) => stream =>
    {
        stream.Write("new"u8);
        throw error;
    };
}
