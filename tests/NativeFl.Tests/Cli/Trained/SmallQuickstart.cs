using System.Text.Json.Nodes;

namespace NativeFl.Tests.Cli.Trained;

/// <summary>One small quickstart for the tests of this folder: its result, its files, and a base with a tokenizer to try verbs on.</summary>
[SetUpFixture]
internal sealed class SmallQuickstart
{
    private static readonly TemporaryFolder Folder = new();

    public static JsonObject Result { get; private set; } = null!;

    public static string Out => Folder.At("quickstart");

    public static string Base => Path.Combine(Out, "base");

    [OneTimeSetUp]
    public void Run() => Result = CliRun.Json("quickstart", "--size", "small", "--seed", "3", "--out", Out);

    [OneTimeTearDown]
    public void Delete() => Folder.Dispose();
}
