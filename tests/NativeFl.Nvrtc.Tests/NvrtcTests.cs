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
    // "(C7515) Potential Performance Loss: wgmma.mma_async instructions are serialized due to ...", C7510 for want of registers.
    private const string SerializedProducts = @"\(C75\d\d\)|Potential Performance Loss|serialized";

    private static readonly KernelSources Sources = KernelSources.Embedded();
    private static readonly KernelTarget Oldest = new(80, IsExact: false), Newest = new(90, IsExact: false), Hopper = new(90, IsExact: true);

    private readonly HandleCount _handles = new();
    private NvrtcCompiler? _compiler;
    private string _obstacle = "";
    private JsonObject? _info;

    private static IEnumerable<string> Names => Sources.Names;

    private static IEnumerable<TestCaseData> Kernels() =>
        Names.SelectMany(name => Targets(Sources, name).Select(target => new TestCaseData(name, target)));

    private static IEnumerable<KernelTarget> Targets(KernelSources sources, string name) => sources.Target(name) is { } own ? [own] : [Oldest, Newest];

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
    public void The_command_line_lists_every_kernel_for_its_targets_without_a_device() =>
        Assert.That(Rows().Select(row => ((string?)row["target"], (string?)row["file"], (string?)row["entry"])), Is.EqualTo(Listed(Sources)));

    [Test]
    public void A_kernel_for_one_target_is_listed_for_that_one_by_a_compiler_that_knows_it()
    {
        var sources = new KernelSources([Product(touchesRegisters: false), new("kernels/every.cu", "extern \"C\" __global__ void __launch_bounds__(64) every() {}\n"u8.ToArray())]);
        IReadOnlyList<KernelReport> reports = CudaBackend.CompileKernels(_compiler!, sources);
        (string?, string?, string?)[] expected = [("sm_80", "every", "every"), ("sm_90", "every", "every"), ("sm_90a", "product", "product")];
        Assert.That(Listed(sources), Is.EqualTo(_compiler!.Knows(Hopper) ? expected : expected[..2]));
        Assert.That(reports.Select(report => ((string?)report.Target, (string?)report.File, (string?)report.Entry)), Is.EqualTo(Listed(sources)));
        Assert.That(reports.Select(report => report.Threads), Is.EqualTo(_compiler.Knows(Hopper) ? (int[])[64, 64, 128] : [64, 64]));
        Assert.That(reports.Select(report => report.Occupancy), Has.All.Not.Null);
    }

    [TestCaseSource(nameof(Kernels))]
    public void A_kernel_neither_spills_nor_takes_memory_for_what_registers_should_hold(string name, KernelTarget target)
    {
        Require(target);
        JsonObject[] rows = [.. Rows().Where(row => (string?)row["file"] == name && (string?)row["target"] == $"{target}")];
        Assert.That(rows, Is.Not.Empty);
        Assert.Multiple(() =>
        {
            foreach (JsonObject row in rows)
            {
                TestContext.Out.WriteLine($"{target} {row["entry"]}: {row["registers"]} registers, {row["static_shared_bytes"]} bytes of static shared memory");
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
        string table = OccupancyTable.Of([.. Rows()]), kept = Path.Combine(RepositoryTree.Root, OccupancyTable.Path);
        string fresh = Path.Combine(AppContext.BaseDirectory, Path.GetFileName(OccupancyTable.Path));
        File.WriteAllText(fresh, table);
        Assert.That(
            OccupancyTable.WithoutRegisters(File.Exists(kept) ? File.ReadAllText(kept) : ""),
            Is.EqualTo(OccupancyTable.WithoutRegisters(table)),
            $"if that is meant: cp {fresh} {OccupancyTable.Path}");
    }

    // Machine code of an exact target, because products that run one by one are the assembler's to tell.
    [TestCaseSource(nameof(Names))]
    public void A_kernel_compiles_without_warnings(string name)
    {
        if (Sources.Target(name) is { } own) Require(own);
        (int status, string log) = Compile(Sources[name], Sources.Target(name)?.ToString() ?? "compute_90");
        Assert.That(status, Is.Zero, log);
        Assert.That(log, Does.Not.Contain("warning").And.Not.Match(SerializedProducts));
    }

    // An accumulator that anything else writes between two wgmma: each of them waits for the one before.
    [Test]
    public void Products_that_run_one_by_one_are_seen([Values] bool touchesRegisters)
    {
        Require(Hopper);
        (int status, string log) = Compile(Product(touchesRegisters), $"{Hopper}");
        Assert.That(status, Is.Zero, log);
        Assert.That(log, touchesRegisters ? Does.Match(SerializedProducts) : Does.Not.Match(SerializedProducts));
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

    /// <summary>Two products of warpgroups into the same registers.</summary>
    private static KernelSource Product(bool touchesRegisters)
    {
        string registers = string.Join(", ", Enumerable.Range(0, 32).Select(i => $"%{i}")), operands = string.Join(", ", Enumerable.Range(0, 32).Select(i => $"\"+f\"(d[{i}])"));
        string text = $$"""
            // Target     sm_90a
            __device__ void multiply(float (&d)[32], unsigned long long a, unsigned long long b) {
                asm volatile("wgmma.mma_async.sync.aligned.m64n64k16.f32.bf16.bf16 { {{registers}} }, %32, %33, 1, 1, 1, 0, 0;" : {{operands}} : "l"(a), "l"(b) : "memory");
            }
            extern "C" __global__ void __launch_bounds__(128) product(float* x, unsigned long long a, unsigned long long b) {
                float d[32];
                for (int i = 0; i < 32; ++i) d[i] = x[i * 128 + threadIdx.x];
                asm volatile("wgmma.fence.sync.aligned;" ::: "memory");
                multiply(d, a, b);
                {{(touchesRegisters ? "d[3] *= 2;" : "")}}
                multiply(d, a + 2, b + 2);
                asm volatile("wgmma.commit_group.sync.aligned;" ::: "memory");
                asm volatile("wgmma.wait_group.sync.aligned 0;" ::: "memory");
                for (int i = 0; i < 32; ++i) x[i * 128 + threadIdx.x] = d[i];
            }
            """;
        return new KernelSource("kernels/product.cu", Encoding.UTF8.GetBytes(text));
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

    /// <summary>Target, file and entry point of what this compiler can compile: of every target all its kernels.</summary>
    private IEnumerable<(string? Target, string? File, string? Entry)> Listed(KernelSources sources) =>
        sources.Names.SelectMany(name => Targets(sources, name)).Distinct().Where(_compiler!.Knows).OrderBy(target => $"{target}", StringComparer.Ordinal)
            .SelectMany(target => sources.Names.Where(name => Targets(sources, name).Contains(target))
                .SelectMany(name => sources.EntryPoints(name).Select(entry => ((string?)$"{target}", (string?)name, (string?)entry))));

    private void Require(KernelTarget target)
    {
        if (!_compiler!.Knows(target)) Assert.Ignore($"{_compiler.Version} does not know {target}");
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
