using System.Reflection;
using NativeFl.Tensors;

namespace NativeFl.Tests.Architecture;

/// <summary>
/// The one-name law: the op X is CpuBackend.X.cs and CudaBackend.X.cs, its plain double-precision reference is Reference/X.cs, its kernels are
/// kernels/x.cu, and its tests are XTests.cs, which CpuXTests.cs and CudaXTests.cs run, or XTests.cs in both test projects.
/// </summary>
public sealed class OneNameTests
{
    // Memory is the backend's own business.
    private static readonly string[] Memory = ["Allocate", "Upload", "Download", "Synchronize"];

    // These move values and compute nothing: their tests compare with what went in.
    private static readonly string[] WithoutFormula = ["Copy", "Pack"];

    // The one partial file that is no op: how every matrix product is cut into tiles and run on the threads.
    private static readonly string[] Machinery = ["Products"];

    // The partial files of the CUDA backend that are no ops: what launchers are made of, which products cuBLASLt takes, what info says.
    private static readonly string[] CudaMachinery = ["Launching", "Memory", "Products", "Report"];

    // Packing copies rows; a product is cuBLASLt's or gemm's, which serves Linear and MatMul.
    private static readonly string[] WithoutKernel = ["Linear", "MatMul", "Pack"];

    // A file beside the op's own: the product that several ops share, and the parts of attention that have files to themselves.
    private static readonly string[] SharedKernels = ["gemm", "attention_backward", "attention_decode", "attention_wgmma", "attention_wgmma_backward"];

    // What two methods share one file for goes by one name.
    private static readonly Dictionary<string, string> FiledUnder = new()
    {
        ["Fill"] = "Copy",
        ["PackedBytes"] = "Pack",
        ["Unpack"] = "Pack",
        ["ScatterRows"] = "GatherRows",
        ["KMeansAssign"] = "KMeans",
        ["KMeansUpdate"] = "KMeans",
        ["ShapleyQuadratic"] = "Shapley",
        ["ShapleyGram"] = "Shapley",
        ["ShapleyVoting"] = "Shapley",
        ["ShapleyNeighbours"] = "Shapley",
        ["ShapleyTable"] = "Shapley",
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

    [Test]
    public void Every_CudaBackend_file_is_an_op()
    {
        IEnumerable<string> files = RepositoryTree.Files("src", ".cs").Select(file => Path.GetFileNameWithoutExtension(file))
            .Where(name => name.StartsWith("CudaBackend.", StringComparison.Ordinal)).Select(name => name["CudaBackend.".Length..]);
        Assert.That(files, Is.EquivalentTo(Ops().Concat(CudaMachinery)));
    }

    [Test]
    public void Every_op_has_its_kernels_and_its_test_on_the_device()
    {
        IEnumerable<string> kernels = RepositoryTree.Files("kernels", ".cu").Select(file => Path.GetFileNameWithoutExtension(file));
        Assert.That(kernels, Is.EquivalentTo(Ops().Except(WithoutKernel).Select(SnakeCase).Concat(SharedKernels)));
        HashSet<string> tests = [.. RepositoryTree.Files(Path.Combine("tests", "NativeFl.Cuda.Tests"), ".cs").Select(file => Path.GetFileNameWithoutExtension(file))];
        Assert.That(Ops().Where(op => !tests.Contains($"Cuda{op}Tests") && !tests.Contains($"{op}Tests")), Is.Empty);
    }

    // "RmsNorm" as "rms_norm"; the W of AdamW is no word, and neither is the K of KMeans.
    private static string SnakeCase(string name) => name is "AdamW" or "KMeans" ? name.ToLowerInvariant() : string.Concat(name.Select((letter, i) =>
        char.IsUpper(letter) ? (i > 0 ? "_" : "") + char.ToLowerInvariant(letter) : letter.ToString()));

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
