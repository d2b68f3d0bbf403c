namespace NativeFl.Tests.Models;

/// <summary>The fixtures are all there: a folder that is lost would be a test that is lost.</summary>
public sealed class FixtureFolderTests
{
    [Test]
    public void All_eleven_models_are_tested()
    {
        Assert.That(FixtureCase.Names, Is.EqualTo(ModelFixture.Names));
    }

    [Test]
    public void All_are_described()
    {
        string text = File.ReadAllText(Fixtures.Path("README.md"));
        Assert.That(FixtureCase.Names.Where(name => !text.Contains($"`{name}`", StringComparison.Ordinal)), Is.Empty);
    }
}
