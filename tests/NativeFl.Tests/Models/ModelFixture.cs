namespace NativeFl.Tests.Models;

/// <summary>The small checkpoints of the fixtures folder.</summary>
internal static class ModelFixture
{
    public static string Root => Path.Combine(TestContext.CurrentContext.TestDirectory, "fixtures", "models");

    public static IEnumerable<string> Names =>
    [
        "llama", "llama-bf16", "llama-biases", "llama-linear-rope", "llama-odd-sizes", "llama-sharded-f16", "llama3-rope", "mistral-window",
        "qwen2", "qwen2-window", "qwen3",
    ];

    public static string Folder(params string[] parts) => Path.Combine([Root, .. parts]);

    /// <summary>Copies a folder of the fixtures, so that a test may break it.</summary>
    public static void Copy(string from, string to)
    {
        Directory.CreateDirectory(to);
        foreach (string file in Directory.EnumerateFiles(from)) File.Copy(file, Path.Combine(to, Path.GetFileName(file)));
    }
}
