using System.Security.Cryptography;
using NativeFl.Cuda.Kernels;
using NativeFl.Tensors;

namespace NativeFl.Cuda.Tests;

/// <summary>Prebuilt, then cached, then compiled; and nothing that is wrong on the way stops a run that could go on.</summary>
internal sealed class KernelLibraryTests : CudaTest
{
    private string _folder = "";

    [SetUp]
    public void MakeFolder() => _folder = Directory.CreateTempSubdirectory("nativefl-kernels-").FullName;

    [TearDown]
    public void RemoveFolder()
    {
        if (_folder.Length > 0) Directory.Delete(_folder, recursive: true);
    }

    [Test]
    public void A_kernel_is_compiled_once_and_found_in_the_cache_after_that()
    {
        Assert.That(OriginOfCopy(), Is.EqualTo((KernelOrigin.Compiled, KernelOrigin.Compiled)), "first");
        Assert.That(OriginOfCopy(), Is.EqualTo((KernelOrigin.Cached, KernelOrigin.Cached)), "second");
    }

    [Test]
    public void A_damaged_or_half_written_entry_is_compiled_again_and_replaced([Values] bool isHalf)
    {
        OriginOfCopy();
        string entry = Entry();
        byte[] good = File.ReadAllBytes(entry), bad = isHalf ? good[..(good.Length / 2)] : [.. good];
        if (!isHalf) bad[^1] ^= 1;
        File.WriteAllBytes(entry, bad);
        Assert.That(OriginOfCopy().Used, Is.EqualTo(KernelOrigin.Compiled));
        Assert.That(File.ReadAllBytes(entry), Has.Length.EqualTo(good.Length));
        Assert.That(OriginOfCopy().Used, Is.EqualTo(KernelOrigin.Cached));
    }

    [Test]
    public void An_entry_that_is_whole_but_that_the_driver_refuses_is_compiled_again()
    {
        OriginOfCopy();
        string name = Path.GetFileName(Entry());
        KernelSources sources = KernelSources.Embedded();
        using CudaBackend backend = Open();
        var compiler = new NvrtcCompiler(backend.Handles);
        string target = compiler.Architectures.Contains(backend.Architecture) ? $"sm_{backend.Architecture}" : $"compute_{compiler.Architectures.Where(a => a < backend.Architecture).Max()}";
        byte[] key = KernelCache.Key(sources["copy"], sources.Headers, KernelLibrary.Options, compiler.Version, target);
        new KernelCache(_folder).Write("copy", key, "this is no machine code"u8.ToArray());
        Assert.That(Path.GetFileName(Entry()), Is.EqualTo(name));
        Assert.That(OriginOfCopy().Used, Is.EqualTo(KernelOrigin.Compiled));
    }

    [Test]
    public void A_folder_that_cannot_be_written_costs_a_compilation_and_nothing_else()
    {
        string file = Path.Combine(_folder, "file");
        File.WriteAllText(file, "");
        for (int turn = 0; turn < 2; turn++) Assert.That(OriginOfCopy(cache: file).Used, Is.EqualTo(KernelOrigin.Compiled));
    }

    [Test]
    public void A_prebuilt_cubin_of_these_sources_comes_first_and_one_of_others_is_passed_over()
    {
        OriginOfCopy();
        byte[] image = File.ReadAllBytes(Entry())[80..];
        string cubins = Path.Combine(_folder, "cubins"), cache = Path.Combine(_folder, "cache"), list = Path.Combine(cubins, "sources.sha256");
        Directory.CreateDirectory(cubins);
        File.WriteAllBytes(Path.Combine(cubins, $"copy.sm_{Backend.Architecture}.cubin"), image);
        Assert.That(OriginOfCopy(cubins, cache).Used, Is.EqualTo(KernelOrigin.Compiled), "nothing says what it was made from");

        KernelSources sources = KernelSources.Embedded();
        string[] lines = [.. sources.Headers.Append(sources["copy"]).Select(file => $"{Convert.ToHexStringLower(SHA256.HashData(file.Text))}  {file.Path}")];
        File.WriteAllLines(list, lines);
        Assert.That(OriginOfCopy(cubins, cache), Is.EqualTo((KernelOrigin.Prebuilt, KernelOrigin.Prebuilt)));

        File.WriteAllLines(list, lines.Select(line => line.Contains("load.cuh", StringComparison.Ordinal) ? "00" + line[2..] : line));
        Assert.That(OriginOfCopy(cubins, cache).Used, Is.EqualTo(KernelOrigin.Cached), "a header has changed");

        File.WriteAllLines(list, lines);
        File.WriteAllText(Path.Combine(cubins, $"copy.sm_{Backend.Architecture}.cubin"), "for another driver");
        Assert.That(OriginOfCopy(cubins, cache).Used, Is.EqualTo(KernelOrigin.Cached), "the driver refuses it");
    }

    [Test]
    public void What_CMake_builds_and_installs_is_prebuilt_until_a_source_changes()
    {
        using var emulator = new Emulator();
        if (!EmulatorBuild.Runs("cmake") || EmulatorBuild.FindSource() is not { } source) { Assert.Ignore("needs cmake and tests/emulator"); return; }
        string tree = Path.Combine(_folder, "tree"), build = Path.Combine(_folder, "build"), cubins = Path.Combine(_folder, "product", "cubins");
        string images = Directory.CreateDirectory(Path.Combine(_folder, "images")).FullName, root = Path.Combine(source, "..", "..");
        foreach (string part in (string[])["CMakeLists.txt", "cmake", "kernels"]) EmulatorBuild.Require("cp", "-r", "--", Path.Combine(root, part), Directory.CreateDirectory(tree).FullName);
        KernelSources sources = KernelSources.Embedded();
        var compiler = new NvrtcCompiler(Backend.Handles);
        foreach (string name in (string[])["copy", sources.Shortest]) // a backend loads the shortest when it is opened
            File.WriteAllBytes(Path.Combine(images, name + ".cubin"), compiler.Compile(sources[name], sources.Headers, "sm_90", KernelLibrary.Options));
        string[] environment = ["-E", "env", $"CUDAToolkit_ROOT={Path.Combine(source, "nvcc")}", $"NATIVEFL_EMULATOR_IMAGES={images}", "cmake"];
        void Build()
        {
            EmulatorBuild.Require("cmake", [.. environment, "--build", build]);
            EmulatorBuild.Require("cmake", "--install", build, "--prefix", Path.Combine(_folder, "product"));
        }

        // The stand-in knows no sm_120, so that it is left out.
        string log = EmulatorBuild.Require("cmake", [.. environment, "-S", tree, "-B", build, "-DNATIVEFL_CUBINS=ON", "-DNATIVEFL_ARCHITECTURES=80;90;120"]);
        Assert.That(log, Does.Contain(Path.Combine(source, "nvcc", "nvcc") + " for sm_80;90"));
        Build();
        Assert.That(
            Directory.GetFiles(cubins).Select(Path.GetFileName),
            Is.EquivalentTo(sources.Names.SelectMany(name => sources.Target(name) is { } own ? (string[])[$"{name}.{own}.cubin"] : [$"{name}.sm_80.cubin", $"{name}.sm_90.cubin"])
                .Append("sources.sha256")));
        Assert.That(OriginOfCopy(cubins, ""), Is.EqualTo((KernelOrigin.Prebuilt, KernelOrigin.Prebuilt)));
        using (CudaBackend backend = Open(cubins, "")) Assert.That(backend.Describe().Kernels.Values, Is.All.EqualTo(KernelOrigin.Prebuilt));

        File.AppendAllText(Path.Combine(tree, "kernels", "device", "load.cuh"), "// changed\n");
        DateTime before = File.GetLastWriteTimeUtc(Path.Combine(cubins, "copy.sm_90.cubin"));
        Build();
        Assert.That(File.GetLastWriteTimeUtc(Path.Combine(cubins, "copy.sm_90.cubin")), Is.GreaterThan(before), "made again");
        Assert.That(OriginOfCopy(cubins, ""), Is.EqualTo((KernelOrigin.Compiled, KernelOrigin.Compiled)), "of other sources than ours");
    }

    [Test]
    public void An_error_in_a_kernel_is_reported_with_file_and_line()
    {
        KernelSource source = new("kernels/wrong.cu", "\nextern \"C\" __global__ void wrong_f32(float* x) {\n    x[0] = undeclared_name;\n}\n"u8.ToArray());
        using KernelLibrary library = Library(new KernelSources([source]), new NvrtcCompiler(Backend.Handles));
        Assert.That(
            () => library["wrong"],
            Throws.TypeOf<CudaException>().With.Message.Contains("compile kernels/wrong.cu").And.Message.Match("wrong.cu[:(]3").And.Message.Contains("undeclared_name"));
    }

    [TestCase(120, "compute_90")]
    [TestCase(90, "sm_90")]
    [TestCase(86, "compute_80 and sm_80")]
    public void An_architecture_that_the_compiler_does_not_know_gets_the_newest_code_below_it(int architecture, string targets)
    {
        var compiler = new FakeCompiler([80, 90]);
        using KernelLibrary library = Library(new KernelSources([new("kernels/a.cu", [])]), compiler, architecture);
        Assert.That(() => library["a"], Throws.TypeOf<CudaException>().With.Message.Contains(targets).And.Message.Contains("Fake 1.0"), "its image is no image");
        Assert.That(compiler.Targets, Is.EqualTo(targets.Split(" and ")));
    }

    [Test]
    public void An_architecture_below_all_that_the_compiler_knows_is_refused_in_words()
    {
        using KernelLibrary library = Library(new KernelSources([new("kernels/a.cu", [])]), new FakeCompiler([100, 120]), 90);
        Assert.That(() => library["a"], Throws.TypeOf<CudaException>().With.Message.Contains("sm_90").And.Message.Contains("Fake 1.0 knows only sm_100, sm_120"));
    }

    [TestCase(11, "-std=c++17")]
    [TestCase(12, "-std=c++17 --generate-line-info")]
    public void Line_numbers_are_not_asked_of_a_compiler_that_breaks_on_them(int major, string options) =>
        Assert.That(string.Join(' ', NvrtcCompiler.Accepted(KernelLibrary.Options, major)), Is.EqualTo(options));

    [Test]
    public void Without_compiler_and_cubin_the_reason_is_given()
    {
        using KernelLibrary library = Library(new KernelSources([new("kernels/a.cu", [])]), null);
        Assert.That(library.Require, Throws.TypeOf<CudaException>());
        Assert.That(() => library["a"], Throws.TypeOf<CudaException>().With.Message.Contains("kernels/a.cu").And.Message.Contains("no library here"));
    }

    [Test]
    public void Every_kernel_file_has_entry_points_that_its_module_holds()
    {
        KernelSources sources = KernelSources.Embedded();
        Assert.That(sources.Names.Where(name => sources.EntryPoints(name).Count == 0), Is.Empty, "files without an entry point that info can list");
        IReadOnlyList<KernelReport> reports = Backend.InspectKernels();
        Assert.That(reports.Select(report => report.File).Distinct(), Is.EqualTo(TestDevice.IsEmulator ? sources.Names : Backend.Describe().Kernels.Keys));
        Assert.That(reports.Select(report => report.Entry), Is.Unique);
    }

    private KernelLibrary Library(KernelSources sources, IKernelCompiler? compiler, int architecture = 90) => new(
        sources, new PrebuiltKernels(Path.Combine(_folder, "none"), sources), new KernelCache(""), compiler, "no library here", architecture, Backend.Handles);

    private CudaBackend Open(string? cubins = null, string? cache = null) => CudaBackend.Create(
        TestDevice.Options! with { KernelCacheFolder = cache ?? _folder, CubinFolder = cubins ?? Path.Combine(_folder, "none") });

    /// <summary>The one entry of copy.cu in the cache.</summary>
    private string Entry() => Directory.GetFiles(_folder, "copy.*").Single();

    /// <summary>Where a fresh backend says that copy.cu is, and where it took it from when a copy was asked for.</summary>
    private (KernelOrigin Said, KernelOrigin Used) OriginOfCopy(string? cubins = null, string? cache = null)
    {
        using CudaBackend backend = Open(cubins, cache);
        KernelOrigin said = backend.Describe().Kernels["copy"];
        var plan = new MemoryPlan("copy");
        Slot wide = plan.Add("wide", new Shape(8)), narrow = plan.Add("narrow", new Shape(8), DType.BF16);
        using var arena = new Arena(backend, plan);
        backend.Fill(1.5f, arena[wide]);
        backend.Copy(arena[wide], arena[narrow]);
        ushort[] values = new ushort[8];
        backend.Download<ushort>(arena[narrow], values);
        Assert.That(values, Is.All.EqualTo(0x3FC0));
        return (said, backend.Describe().Kernels["copy"]);
    }
}
