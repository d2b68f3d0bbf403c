namespace NativeFl.Tests;

/// <summary>Where the fixture files lie in the test output.</summary>
internal static class Fixtures
{
    public static string Path(params string[] parts) =>
        System.IO.Path.Combine([TestContext.CurrentContext.TestDirectory, "fixtures", .. parts]);
}
