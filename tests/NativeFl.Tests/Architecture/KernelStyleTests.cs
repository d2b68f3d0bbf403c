using System.Text.RegularExpressions;

namespace NativeFl.Tests.Architecture;

/// <summary>What a kernel file looks like: the header that teaches, no header of NVIDIA's, no assembly of its own, entry points by their names.</summary>
public sealed partial class KernelStyleTests
{
    private static readonly string[] HeaderKeys = ["Shapes", "Types", "Launch", "Aliasing", "Cost", "Source"];

    private static IEnumerable<string> Kernels => RepositoryTree.Files("kernels", ".cu").Select(RepositoryTree.Relative);

    private static IEnumerable<string> Sources => Kernels.Concat(RepositoryTree.Files("kernels", ".cuh").Select(RepositoryTree.Relative));

    [TestCaseSource(nameof(Kernels))]
    public void A_kernel_file_begins_with_its_header(string file)
    {
        string[] lines = File.ReadAllLines(Path.Combine(RepositoryTree.Root, file));
        string header = string.Join('\n', lines.TakeWhile(line => line.StartsWith("//", StringComparison.Ordinal)));
        Assert.That(lines[0], Does.StartWith($"// {Path.GetFileName(file)}: "));
        Assert.That(HeaderKeys.Where(key => !Regex.IsMatch(header, $@"^// {key}\s", RegexOptions.Multiline)), Is.Empty);
    }

    [TestCaseSource(nameof(Sources))]
    public void Device_code_includes_only_device_headers_and_keeps_assembly_in_two_files(string file)
    {
        string text = File.ReadAllText(Path.Combine(RepositoryTree.Root, file));
        Assert.Multiple(() =>
        {
            Assert.That(Includes().Matches(text).Select(m => m.Groups[1].Value), Has.All.StartsWith("\"device/"));
            if (Path.GetFileName(file) is not ("ptx.cuh" or "ptx_sm90a.cuh"))
                Assert.That(Assembly().IsMatch(text), Is.False, "inline PTX belongs into device/ptx.cuh, that of sm_90a into device/ptx_sm90a.cuh");
            Assert.That(Atomics().IsMatch(text), Is.False, "sums in a fixed order need no atomics");
            Assert.That(text, Does.Not.Contain("##"), "a name that a macro puts together is found by nobody");
        });
    }

    [GeneratedRegex(@"^\s*#include\s+(\S+)", RegexOptions.Multiline)]
    private static partial Regex Includes();

    [GeneratedRegex(@"\batomic\w+\s*\(")]
    private static partial Regex Atomics();

    [GeneratedRegex(@"\basm\b")]
    private static partial Regex Assembly();
}
