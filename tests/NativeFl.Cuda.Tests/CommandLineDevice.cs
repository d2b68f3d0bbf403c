namespace NativeFl.Cuda.Tests;

/// <summary>The device of the CUDA tests as flags of the command line.</summary>
internal static class CommandLineDevice
{
    /// <summary>Skips, with the reason, where there is none; else counts a case.</summary>
    public static void Require()
    {
        if (TestDevice.Options is null) Assert.Ignore(TestDevice.Description);
        TestDevice.CountCase();
    }

    /// <summary>--device cuda with the libraries of the tests.</summary>
    public static string[] Flags(string dtype)
    {
        string[] libraries = TestDevice.Options?.LibraryFolder is { } folder ? ["--cuda-libraries", folder] : [];
        return ["--device", "cuda", "--dtype", dtype, .. libraries];
    }
}
