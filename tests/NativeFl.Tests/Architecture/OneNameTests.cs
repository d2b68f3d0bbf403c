using System.Reflection;
using NativeFl.Tensors;

namespace NativeFl.Tests.Architecture;

/// <summary>The one-name law: the op X is CpuBackend.X.cs, its plain double-precision reference is Reference/X.cs, its test XTests.cs.</summary>
public sealed class OneNameTests
{
    // Memory is the backend's own business.
    private static readonly string[] Memory = ["Allocate", "Upload", "Download", "Synchronize"];

    // These move values and compute nothing: their tests compare with what went in.
    private static readonly string[] WithoutFormula = ["Copy", "Pack"];

    // The one partial file that is no op: how every matrix product is cut into tiles and run on the threads.
    private static readonly string[] Machinery = ["Products"];

    // What two methods share one file for goes by one name.
    private static readonly Dictionary<string, string> FiledUnder = new()
    {
        ["Fill"] = "Copy",
        ["PackedBytes"] = "Pack",
        ["Unpack"] = "Pack",
        ["ScatterRows"] = "GatherRows",
    };

    [Test]
    public void Every_op_has_its_file_its_reference_and_its_test()
    {
        IReadOnlyList<string> tests = [.. RepositoryTree.Files("tests", ".cs").Select(RepositoryTree.Relative)];
        List<string> missing = [];
        foreach (string op in Ops())
        {
            if (!File.Exists(Path.Combine(RepositoryTree.Root, "src", "NativeFl.Tensors", "Cpu", $"CpuBackend.{op}.cs"))) missing.Add($"src/NativeFl.Tensors/Cpu/CpuBackend.{op}.cs");
            if (!WithoutFormula.Contains(op) && !tests.Contains($"tests/NativeFl.Tests/Reference/{op}.cs")) missing.Add($"tests/NativeFl.Tests/Reference/{op}.cs");
            if (!tests.Any(file => file.EndsWith($"/{op}Tests.cs", StringComparison.Ordinal))) missing.Add($"{op}Tests.cs");
        }

        Assert.That(missing, Is.Empty);
    }

    [Test]
    public void Every_CpuBackend_file_is_an_op()
    {
        IEnumerable<string> files = RepositoryTree.Files("src", ".cs").Select(file => Path.GetFileNameWithoutExtension(file))
            .Where(name => name.StartsWith("CpuBackend.", StringComparison.Ordinal)).Select(name => name["CpuBackend.".Length..]);
        Assert.That(files, Is.EquivalentTo(Ops().Concat(Machinery)));
    }

    private static SortedSet<string> Ops()
    {
        IEnumerable<string> methods = typeof(Backend).GetMethods(BindingFlags.Instance | BindingFlags.Public | BindingFlags.DeclaredOnly)
            .Where(method => method is { IsAbstract: true, IsSpecialName: false } && !Memory.Contains(method.Name)).Select(method => method.Name);
        return [.. methods.Select(name => FiledUnder.GetValueOrDefault(name, WithoutDirection(name)))];
    }

    private static string WithoutDirection(string name)
    {
        foreach (string direction in new[] { "Forward", "Backward" })
        {
            if (name.EndsWith(direction, StringComparison.Ordinal)) return name[..^direction.Length];
        }

        return name;
    }
}
