using System.Security.Cryptography;
using System.Text;
using NativeFl.Cuda.Kernels;

namespace NativeFl.Cuda.Tests;

/// <summary>A kernel file that is written for one target: there where device and compiler, or a cubin of the build, have it, and nowhere else.</summary>
internal sealed class KernelTargetTests : CudaTest
{
    private static readonly KernelSources Sources = new(
    [
        File("exact", "// exact.cu: for one target\n//\n// Target     sm_90a\n" + Entry("exact")), File("every", "// every.cu: for all\n" + Entry("every")),
        new KernelSource("kernels/device/none.cuh", []),
    ]);

    private string _folder = "";

    [SetUp]
    public void MakeFolder() => _folder = Directory.CreateTempSubdirectory("nativefl-targets-").FullName;

    [TearDown]
    public void RemoveFolder()
    {
        if (_folder.Length > 0) Directory.Delete(_folder, recursive: true);
    }

    [TestCase("// a.cu: a kernel\n//\n// Target     sm_90a\n// Source     none\n", "sm_90a")]
    [TestCase("// Target sm_100", "sm_100")]
    [TestCase("// a.cu: a kernel\n", null)]
    [TestCase("// The Target sm_90a\n    // Target     sm_90a\n", null)]
    [TestCase("// Target     sm_100family\n", null)]
    public void A_line_of_the_header_names_the_target(string text, string? target) =>
        Assert.That(new KernelSources([File("a", text)]).Target("a")?.ToString(), Is.EqualTo(target));

    [Test]
    public void The_shortest_file_is_one_for_every_device()
    {
        Assert.That(Sources["exact"].Text, Has.Length.GreaterThan(Sources["every"].Text.Length));
        Assert.That(new KernelSources([File("tiny", "// Target     sm_90a\n"), Sources["every"], Sources["exact"]]).Shortest, Is.EqualTo("every"));
        Assert.That(Sources.Targets, Is.EqualTo((KernelTarget[])[new(90, IsExact: true)]));
    }

    [TestCase(90, 12, true)]
    [TestCase(90, 13, true)]
    [TestCase(90, 11, false)]
    [TestCase(80, 12, false)]
    [TestCase(100, 12, false)]
    public void It_is_there_only_where_device_and_compiler_know_the_target(int architecture, int major, bool isThere)
    {
        var compiler = new FakeCompiler([80, 90, 100], major);
        using KernelLibrary library = Library(compiler, architecture);
        Assert.That(library.Has("exact"), Is.EqualTo(isThere));
        Assert.That(library.Has("every"), Is.True);
        Assert.That(library.Has("absent"), Is.False);
        Assert.That(library.Names, Is.EqualTo(isThere ? (string[])["every", "exact"] : ["every"]));
        Assert.That(library.Locate("every"), Is.EqualTo(KernelOrigin.Compiled));
        Assert.That(compiler.Targets, Is.Empty, "nothing is compiled to find out");
    }

    [TestCase(90, 12, "sm_90a", "compiled by Fake 1.0 for sm_90a: ")]
    [TestCase(90, 11, "", "compile kernels/exact.cu for sm_90a: Fake 1.0 does not know that target")]
    [TestCase(80, 12, "", "load kernels/exact.cu for sm_80: it is written for sm_90a alone")]
    public void It_is_compiled_for_exactly_that_target(int architecture, int major, string targets, string message)
    {
        var compiler = new FakeCompiler([80, 90], major);
        using KernelLibrary library = Library(compiler, architecture);
        Assert.That(() => library["exact"], Throws.TypeOf<CudaException>().With.Message.Contains(message), "its image is no image");
        Assert.That(string.Join(' ', compiler.Targets), Is.EqualTo(targets));
    }

    [Test]
    public void What_was_compiled_is_found_in_the_cache()
    {
        var compiler = new FakeCompiler([90], image: Image());
        using (KernelLibrary library = Library(compiler))
        {
            Assert.That(library.Locate("exact"), Is.EqualTo(KernelOrigin.Compiled));
            Assert.That((library["exact"].Origin, library["exact"].Target), Is.EqualTo((KernelOrigin.Compiled, "sm_90a")));
        }
        using KernelLibrary next = Library(compiler);
        Assert.That(next.Locate("exact"), Is.EqualTo(KernelOrigin.Cached));
        Assert.That((next["exact"].Origin, next["exact"].Target), Is.EqualTo((KernelOrigin.Cached, "sm_90a")));
        Assert.That(compiler.Targets, Is.EqualTo((string[])["sm_90a"]));
    }

    [Test]
    public void A_cubin_of_the_build_needs_no_compiler_that_knows_the_target([Values(0, 11, 12)] int major)
    {
        PutCubins("sm_90", Image());
        using KernelLibrary without = Library(Compiler(major));
        Assert.That(without.Has("exact"), Is.EqualTo(major == 12), "a cubin of another target");
        PutCubins("sm_90a", Image());
        using KernelLibrary library = Library(Compiler(major));
        library.Require();
        Assert.That(library.Names, Is.EqualTo((string[])["every", "exact"]));
        Assert.That(library.Locate("exact"), Is.EqualTo(KernelOrigin.Prebuilt));
        Assert.That((library["exact"].Origin, library["exact"].Target), Is.EqualTo((KernelOrigin.Prebuilt, "sm_90a")));
    }

    // Such as one of a later CUDA than the driver. What a compiler makes again is there all the same.
    [Test]
    public void A_cubin_that_the_driver_refuses_or_of_other_sources_is_none([Values(0, 11, 12)] int major, [Values] bool isCurrent)
    {
        PutCubins("sm_90a", isCurrent ? "no machine code"u8.ToArray() : Image(), isCurrent);
        using KernelLibrary library = Library(Compiler(major));
        Assert.That(library.Has("exact"), Is.EqualTo(major == 12));
        Assert.That(library.Names, Is.EqualTo(major == 12 ? (string[])["every", "exact"] : ["every"]));
        if (major == 12) Assert.That(library["exact"].Origin, Is.EqualTo(KernelOrigin.Compiled));
    }

    [TestCase("12.99", "80;90", "every.sm_80 every.sm_90 exact.sm_90a")]
    [TestCase("13.0", "90", "every.sm_90 exact.sm_90a")]
    [TestCase("11.8", "80;90", "every.sm_80 every.sm_90")]
    [TestCase("12.99", "80", "every.sm_80")]
    public void CMake_builds_it_for_its_target_alone_where_nvcc_knows_it(string release, string architectures, string cubins)
    {
        if (!EmulatorBuild.Runs("cmake") || EmulatorBuild.FindSource() is not { } source) { Assert.Ignore("needs cmake and tests/emulator"); return; }
        string tree = Path.Combine(_folder, "tree"), build = Path.Combine(_folder, "build");
        foreach (KernelSource file in Sources.Headers.Concat(Sources.Names.Select(name => Sources[name])))
        {
            string path = Path.Combine(tree, file.Path);
            Directory.CreateDirectory(Path.GetDirectoryName(path)!);
            System.IO.File.WriteAllBytes(path, file.Text);
        }
        foreach (string part in (string[])["CMakeLists.txt", "cmake"]) EmulatorBuild.Require("cp", "-r", "--", Path.Combine(source, "..", "..", part), tree);
        string[] environment = ["-E", "env", $"CUDAToolkit_ROOT={Path.Combine(source, "nvcc")}", $"NATIVEFL_EMULATOR_NVCC={release}", "cmake"];
        EmulatorBuild.Require("cmake", [.. environment, "-S", tree, "-B", build, "-DNATIVEFL_CUBINS=ON", $"-DNATIVEFL_ARCHITECTURES={architectures}"]);
        EmulatorBuild.Require("cmake", [.. environment, "--build", build]);
        Assert.That(
            Directory.GetFiles(Path.Combine(build, "cubins"), "*.cubin").Select(Path.GetFileNameWithoutExtension).Order(StringComparer.Ordinal), Is.EqualTo(cubins.Split(' ')));
    }

    private static KernelSource File(string name, string text) => new($"kernels/{name}.cu", Encoding.UTF8.GetBytes(text));

    private static string Entry(string name) => $"extern \"C\" __global__ void __launch_bounds__(32) {name}(float* x) {{ x[0] = 1; }}\n";

    private static string Hash(byte[] text) => Convert.ToHexStringLower(SHA256.HashData(text));

    // Which compiler there is, if any; it makes images that the driver takes.
    private FakeCompiler? Compiler(int major) => major == 0 ? null : new FakeCompiler([80, 90], major, Image());

    private byte[] Image()
    {
        if (Backend.Architecture != 90) Assert.Ignore($"needs a device of sm_90, this is {TestDevice.Description}");
        return new NvrtcCompiler(Backend.Handles).Compile(Sources["every"], Sources.Headers, "sm_90", KernelLibrary.Options);
    }

    /// <summary>What the build would leave behind: a good cubin of the one file, and of the other this image.</summary>
    private void PutCubins(string target, byte[] image, bool isCurrent = true)
    {
        System.IO.File.WriteAllBytes(Path.Combine(_folder, "every.sm_90.cubin"), Image());
        System.IO.File.WriteAllBytes(Path.Combine(_folder, $"exact.{target}.cubin"), image);
        System.IO.File.WriteAllLines(
            Path.Combine(_folder, "sources.sha256"),
            Sources.Headers.Append(Sources["every"]).Select(file => $"{Hash(file.Text)}  {file.Path}").Append($"{Hash(isCurrent ? Sources["exact"].Text : [])}  kernels/exact.cu"));
    }

    private KernelLibrary Library(FakeCompiler? compiler, int architecture = 90) => new(
        Sources, new PrebuiltKernels(_folder, Sources), new KernelCache(Path.Combine(_folder, "cache")), compiler, "no library here", architecture, Backend.Handles);
}
