using System.Text;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using NativeFl.Cuda;
using NativeFl.Cuda.Interop;
using NativeFl.Cuda.Kernels;
using NativeFl.Tests.Architecture;
using NativeFl.Tests.Cli;

namespace NativeFl.Nvrtc.Tests;

/// <summary>
/// Every kernel through NVIDIA's own compiler, which needs no GPU. It is taken from the folder NATIVEFL_NVRTC names, else from build/nvrtc
/// (.ci/nvrtc.sh puts it there), else from the system; without one each test is a skip.
/// </summary>
internal sealed class NvrtcTests
{
    private static readonly KernelSources Sources = KernelSources.Embedded();
    private static readonly int[] Architectures = [80, 90];

    private readonly HandleCount _handles = new();
    private NvrtcCompiler? _compiler;
    private string _obstacle = "";
    private JsonObject? _info;

    private static IEnumerable<string> Names => Sources.Names;

    private static IEnumerable<TestCaseData> Kernels() =>
        Names.SelectMany(name => Architectures.Select(architecture => new TestCaseData(name, architecture)));

    [OneTimeSetUp]
    public void FindCompiler()
    {
        NativeLibraries.Load(NativeLibraries.Compiler, Folder());
        _obstacle = NativeLibraries.Obstacle(NativeLibraries.Compiler, Cuda.Interop.Nvrtc.Functions);
        if (_obstacle.Length == 0) _compiler = new NvrtcCompiler(_handles);
    }

    [SetUp]
    public void RequireCompiler()
    {
        if (_compiler is null) Assert.Ignore($"{_obstacle}; .ci/nvrtc.sh fetches one");
    }

    [OneTimeTearDown]
    public void CheckHandles() => Assert.That(_handles.Alive, Is.Zero, "native objects not given back");

    [Test]
    public void The_command_line_lists_every_kernel_for_both_architectures_without_a_device() =>
        Assert.That(
            Rows().Select(row => ((string?)row["target"], (string?)row["file"], (string?)row["entry"])),
            Is.EqualTo(Architectures.SelectMany(architecture => Names.SelectMany(name =>
                Sources.EntryPoints(name).Select(entry => ((string?)$"sm_{architecture}", (string?)name, (string?)entry))))));

    [TestCaseSource(nameof(Kernels))]
    public void A_kernel_neither_spills_nor_takes_memory_for_what_registers_should_hold(string name, int architecture)
    {
        JsonObject[] rows = [.. Rows().Where(row => (string?)row["file"] == name && (string?)row["target"] == $"sm_{architecture}")];
        Assert.That(rows, Is.Not.Empty);
        Assert.Multiple(() =>
        {
            foreach (JsonObject row in rows)
            {
                TestContext.Out.WriteLine($"sm_{architecture} {row["entry"]}: {row["registers"]} registers, {row["static_shared_bytes"]} bytes of static shared memory");
                Assert.That((string?)row["origin"], Is.EqualTo("compiled"));
                Assert.That((int)row["registers"]!, Is.InRange(1, 255), $"{row["entry"]}: registers");
                Assert.That((int)row["static_shared_bytes"]!, Is.InRange(0, 48 << 10), $"{row["entry"]}: static shared memory");
                Assert.That(((int)row["local_bytes"]!, (int)row["spill_bytes"]!), Is.EqualTo((0, 0)), $"{row["entry"]}: bytes on the stack, bytes spilled");
            }
        });
    }

    [Test]
    public void The_table_beside_the_kernels_is_what_the_compiler_says()
    {
        if (_compiler!.Version != OccupancyTable.Compiler) Assert.Ignore($"the table is of {OccupancyTable.Compiler}, this is {_compiler.Version}");
        string table = OccupancyTable.Of([.. Rows()], Architectures), kept = Path.Combine(RepositoryTree.Root, OccupancyTable.Path);
        string fresh = Path.Combine(AppContext.BaseDirectory, Path.GetFileName(OccupancyTable.Path));
        File.WriteAllText(fresh, table);
        Assert.That(
            OccupancyTable.WithoutRegisters(File.Exists(kept) ? File.ReadAllText(kept) : ""),
            Is.EqualTo(OccupancyTable.WithoutRegisters(table)),
            $"if that is meant: cp {fresh} {OccupancyTable.Path}");
    }

    [TestCaseSource(nameof(Names))]
    public void A_kernel_compiles_without_warnings(string name)
    {
        (int status, string log) = Compile(Sources[name], "compute_90");
        Assert.That(status, Is.Zero, log);
        Assert.That(log, Does.Not.Contain("warning"));
    }

    // With bounds the compiler keeps to the registers that they leave, and spills where it cannot; without, it takes up to 255.
    [Test]
    public void Every_entry_point_states_its_launch_bounds([ValueSource(nameof(Names))] string name)
    {
        string text = Encoding.UTF8.GetString(Sources[name].Text);
        Assert.That(Regex.Matches(text, @"__global__\s+void\s+(?!__launch_bounds__\s*\()\S*").Select(match => match.Value), Is.Empty);
    }

    [Test]
    public void A_spill_is_seen()
    {
        const string text = """
            extern "C" __global__ void __launch_bounds__(1024) greedy(float* x) {
                float y[96];
                #pragma unroll
                for (int i = 0; i < 96; ++i) y[i] = x[i * 1024 + threadIdx.x];
                __syncthreads();
                #pragma unroll
                for (int i = 0; i < 96; ++i) x[i * 1024 + threadIdx.x] += y[95 - i] * y[i];
            }
            """;
        (int status, string log) = Compile(new KernelSource("kernels/greedy.cu", Encoding.UTF8.GetBytes(text)), "sm_90");
        Assert.That(status, Is.Zero, log);
        KernelFigures figure = KernelFigures.Parse(log, "").Single();
        Assert.That(figure.Entry, Is.EqualTo("greedy"));
        Assert.That(figure.Registers, Is.InRange(1, 64), "of 64 Ki, shared by 1,024 threads");
        Assert.That(figure.SpillBytes, Is.Positive);
        Assert.That(figure.StackBytes, Is.Positive);
    }

    [Test]
    public void An_error_names_file_and_line()
    {
        var source = new KernelSource("kernels/wrong.cu", "\n\nint x = y;\n"u8.ToArray());
        Assert.That(
            () => _compiler!.Compile(source, Sources.Headers, "sm_90", []),
            Throws.TypeOf<CudaException>().With.Message.Contains("kernels/wrong.cu(3)").And.Message.Contains("\"y\" is undefined"));
    }

    private static string Folder()
    {
        if (Environment.GetEnvironmentVariable("NATIVEFL_NVRTC") is { Length: > 0 } named) return named;
        for (DirectoryInfo? folder = new(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            string conventional = Path.Combine(folder.FullName, "build", "nvrtc");
            if (Directory.Exists(conventional)) return conventional;
        }
        return "";
    }

    /// <summary>What info --kernels lists, compiled once for all tests.</summary>
    private IEnumerable<JsonObject> Rows()
    {
        string[] libraries = Folder() is { Length: > 0 } folder ? ["--cuda-libraries", folder] : [];
        _info ??= CliRun.Json(["info", "--kernels", "--device", "cpu", .. libraries]);
        return _info["kernels"]!.AsArray().Select(row => row!.AsObject());
    }

    private (int Status, string Log) Compile(KernelSource source, string target)
    {
        using ProgramHandle program = ProgramHandle.Create(source, Sources.Headers, _handles);
        int status = program.Compile([$"--gpu-architecture={target}", "-std=c++17", KernelFigures.Option]);
        return (status, program.Log());
    }
}
