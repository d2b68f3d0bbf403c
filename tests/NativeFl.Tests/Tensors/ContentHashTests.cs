using NativeFl.Tensors;

namespace NativeFl.Tests.Tensors;

public sealed class ContentHashTests
{
    // The authors' own test vectors.
    [TestCase("", "cbf29ce484222325")]
    [TestCase("a", "af63dc4c8601ec8c")]
    [TestCase("foobar", "85944171f73967e8")]
    public void It_is_FNV_1a(string text, string expected)
    {
        var hash = new ContentHash();
        hash.Add<byte>(System.Text.Encoding.ASCII.GetBytes(text));
        Assert.That(hash.ToString(), Is.EqualTo(expected));
    }

    [Test]
    public void Where_one_text_ends_and_the_next_begins_counts()
    {
        ContentHash one = new(), other = new();
        one.Add("ab");
        one.Add("c");
        other.Add("a");
        other.Add("bc");
        Assert.That(one.ToString(), Is.Not.EqualTo(other.ToString()));
    }
}
