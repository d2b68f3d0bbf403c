namespace NativeFl.Cuda.Tests;

/// <summary>The device of the CUDA tests as flags of the command line.</summary>
internal static class CommandLineDevice
{
    /// <summary>Skips, with the reason, where there is none; else counts a case.</summary>
    public static void Require()
    {
        if (TestDevice.Options is null) Assert.Ignore(TestDevice.Description);
        TestDevice.Count();
    }

    /// <summary>--device cuda with the libraries of the tests, and with a type or the one that it has without.</summary>
    public static string[] Flags(string dtype = "")
    {
        string[] libraries = TestDevice.Options?.LibraryFolder is { } folder ? ["--cuda-libraries", folder] : [];
        string[] type = dtype.Length > 0 ? ["--dtype", dtype] : [];
        return ["--device", "cuda", .. type, .. libraries];
    }
}
