using System.Text.RegularExpressions;
using NativeFl.Tests.Architecture;

namespace NativeFl.Tests.Benchmarks;

/// <summary>What bench/gpu/run.sh must not leave out.</summary>
public sealed partial class GpuRunTests
{
    [Test]
    public void The_sanitizer_sees_the_tests_of_every_op_on_the_device()
    {
        string[] ops = Names(Path.Combine("src", "NativeFl.Cuda"), "CudaBackend.*.cs", name => name["CudaBackend.".Length..]);
        string[] tests = Names(Path.Combine("tests", "NativeFl.Cuda.Tests"), "*Tests.cs", name => name[..^"Tests".Length]);
        string script = File.ReadAllText(Path.Combine(RepositoryTree.Root, "bench", "gpu", "run.sh"));
        string[] listed = [.. SanitizerOps().Match(script).Groups[1].Value.Split([' ', '\n'], StringSplitOptions.RemoveEmptyEntries)];
        string[] wanted = [.. ops.SelectMany(op => new[] { op, $"Cuda{op}" }).Intersect(tests)];
        Assert.That(wanted, Has.Some.StartsWith("Cuda").And.Some.Not.StartsWith("Cuda"));
        Assert.That(listed, Is.SupersetOf(wanted));
        Assert.That(listed, Is.SubsetOf(tests), "a name without tests");
    }

    private static string[] Names(string folder, string pattern, Func<string, string> name) =>
        [.. Directory.EnumerateFiles(Path.Combine(RepositoryTree.Root, folder), pattern).Select(file => name(Path.GetFileNameWithoutExtension(file)))];

    [GeneratedRegex(@"sanitizer_ops='([^']*)'")]
    private static partial Regex SanitizerOps();
}
