using NativeFl.Tests.Models;

namespace NativeFl.Tests.Cli;

/// <summary>What tests of verbs on one small fixture need: the model, its records as a file, and a folder for results.</summary>
public abstract class FixtureVerbTest
{
    private protected FixtureCase Case { get; private set; } = null!;

    private protected TemporaryFolder Folder { get; private set; } = null!;

    private protected string Data { get; private set; } = null!;

    [SetUp]
    public void OpenFixture()
    {
        (Case, Folder) = (new FixtureCase("llama"), new TemporaryFolder());
        Data = VerbInput.Records(Case, Folder);
    }

    [TearDown]
    public void CloseFixture()
    {
        Case.Dispose();
        Folder.Dispose();
    }
}
