using System.Diagnostics;
using System.Runtime.InteropServices;
using System.Runtime.Versioning;
using NativeFl.Cuda.Kernels;
using NativeFl.Models;
using NativeFl.Tests.Cli;
using NativeFl.Tests.Models;

namespace NativeFl.Cuda.Tests;

/// <summary>
/// Machines on which a library is missing. A process loads its libraries once, so each case is a process of its own: the command line with a
/// folder that holds only some of the emulator's libraries, and a kernel cache of its own, shared or not to be written.
/// </summary>
internal sealed class MissingLibrariesTests
{
    private const string Driver = "libcuda.so.1", Compiler = "libnvrtc.so.12";

    private TemporaryFolder _folder = null!;
    private FixtureCase _case = null!;

    private string Cache => _folder.At("cache", "nativefl", "kernels");

    [SetUp]
    public void Open()
    {
        CommandLineDevice.Require();
        if (!TestDevice.IsEmulator) Assert.Ignore($"needs the emulator; this is {TestDevice.Description}");
        (_folder, _case) = (new TemporaryFolder(), new FixtureCase("llama"));
    }

    [TearDown]
    public void Close()
    {
        _folder?.Dispose();
        _case?.Dispose();
    }

    [Test]
    public void Without_a_driver_cuda_fails_with_the_reason_and_auto_falls_back()
    {
        (int code, string error) = Logits("cuda", "one", []).Result;
        Assert.That(code, Is.EqualTo(1), error);
        Assert.That(error.Trim(), Does.StartWith("cuda: not available (libcuda.so.1 not found").And.Not.Contain("\n"));
        (code, error) = Logits("auto", "two", []).Result;
        Assert.That(code, Is.Zero, error);
        Assert.That(error, Does.Contain("libcuda.so.1 not found").And.Contain("cpu"));
        Assert.That(Error("two"), Is.LessThan(1e-4));
    }

    [Test]
    public void Without_a_compiler_the_error_says_that_kernels_are_missing()
    {
        (int code, string error) = Logits("cuda", "one", [Driver]).Result;
        Assert.That(code, Is.EqualTo(1), error);
        Assert.That(error, Does.StartWith("cuda: not available (load kernels/adamw.cu for sm_90: it is not prebuilt, and there is no compiler (libnvrtc"));
        Assert.That(File.Exists(_folder.At("one.safetensors")), Is.False);
    }

    [Test]
    public void Without_cuBLASLt_our_own_products_do_it_and_two_processes_may_fill_one_cache()
    {
        Task<(int Code, string Error)>[] both = [Logits("cuda", "one", [Driver, Compiler]), Logits("cuda", "two", [Driver, Compiler])];
        Task.WaitAll(both);
        foreach ((int code, string error) in both.Select(t => t.Result)) Assert.That(code, Is.Zero, error);
        Assert.That(Error("one"), Is.LessThan(1e-4));
        Assert.That(File.ReadAllBytes(_folder.At("one.safetensors")), Is.EqualTo(File.ReadAllBytes(_folder.At("two.safetensors"))));
        string[] entries = [.. Directory.EnumerateFiles(Cache, "*", SearchOption.AllDirectories)];
        Assert.That(entries, Is.Not.Empty.And.All.EndsWith(".kernel"), "no temporary file stays");

        using CudaBackend backend = CudaBackend.Create(TestDevice.Options);
        KernelSources sources = KernelSources.Embedded();
        using var library = new KernelLibrary(
            sources, new PrebuiltKernels("", sources), new KernelCache(Cache), new NvrtcCompiler(backend.Handles), "", backend.Architecture, backend.Handles);
        string[] names = [.. entries.Select(entry => Path.GetFileName(entry).Split('.')[0])];
        Assert.That(names, Is.Unique);
        foreach (string name in names) Assert.That(library[name].Origin, Is.EqualTo(KernelOrigin.Cached), name);
    }

    [Test]
    public void A_compiler_that_lacks_a_function_is_as_good_as_none_and_the_error_names_the_function()
    {
        (int code, string error) = Logits("cuda", "one", [Driver], impostor: Compiler).Result;
        Assert.That(code, Is.EqualTo(1), error);
        Assert.That(error.Trim(), Does.StartWith("cuda: not available (load kernels/").And.Contain("libnvrtc.so.12 has no nvrtcVersion").And.Not.Contain("\n"));
        (code, error) = Logits("auto", "two", [Driver], impostor: Compiler).Result;
        Assert.That(code, Is.Zero, error);
        Assert.That(error, Does.Contain("libnvrtc.so.12 has no nvrtcVersion").And.Contain("cpu"));
    }

    [Test]
    public void A_cuBLASLt_that_lacks_a_function_is_as_good_as_none()
    {
        (int code, string error) = Logits("cuda", "one", [Driver, Compiler], impostor: "libcublasLt.so.12").Result;
        Assert.That(code, Is.Zero, error);
        Assert.That(Error("one"), Is.LessThan(1e-4));
    }

    [Test]
    public void Of_two_compilers_the_one_that_is_no_newer_than_the_driver_is_taken()
    {
        (int code, string error) = Logits("cuda", "one", [Driver, Compiler], impostor: "libnvrtc.so.13").Result;
        Assert.That(code, Is.Zero, error);
        Assert.That(Error("one"), Is.LessThan(1e-4));
    }

    [Test]
    [UnsupportedOSPlatform("windows")]
    public void A_cache_folder_without_write_permission_costs_compilations_and_nothing_else()
    {
        // Permissions bind root only without the capability to pass over them.
        string[] prefix = Environment.IsPrivilegedProcess ? ["setpriv", "--bounding-set=-dac_override", "--inh-caps=-dac_override"] : [];
        Directory.CreateDirectory(Cache);
        File.SetUnixFileMode(Cache, UnixFileMode.UserRead | UnixFileMode.UserExecute);
        if (Succeeds([.. prefix, "touch", Path.Combine(Cache, "file")]) || !Succeeds([.. prefix, "touch", _folder.At("file")]))
            Assert.Ignore("this user's permissions cannot be taken away");
        (int code, string error) = Logits("cuda", "one", [Driver, Compiler], prefix: prefix).Result;
        Assert.That(code, Is.Zero, error);
        Assert.That(Error("one"), Is.LessThan(1e-4));
        Assert.That(Directory.EnumerateFileSystemEntries(Cache), Is.Empty);
    }

    private static bool Succeeds(string[] command)
    {
        try
        {
            using Process process = Process.Start(new ProcessStartInfo(command[0], command[1..]) { RedirectStandardError = true })!;
            process.StandardError.ReadToEnd();
            process.WaitForExit();
            return process.ExitCode == 0;
        }
        catch (System.ComponentModel.Win32Exception)
        {
            return false;
        }
    }

    // The impostor is the name of one more library there, which is one of another kind; the prefix is a command that runs the command line.
    private async Task<(int Code, string Error)> Logits(string device, string name, string[] libraries, string impostor = "", params string[] prefix)
    {
        string folder = _folder.At($"libraries-{name}");
        Directory.CreateDirectory(folder);
        foreach (string library in libraries) File.CreateSymbolicLink(Path.Combine(folder, library), Path.Combine(TestDevice.Options!.LibraryFolder, library));
        if (impostor.Length > 0)
            File.Copy(Path.Combine(RuntimeEnvironment.GetRuntimeDirectory(), "libSystem.Native.so"), Path.Combine(folder, impostor), overwrite: true);
        string[] program = [.. prefix, "dotnet"];
        var start = new ProcessStartInfo(program[0])
        {
            RedirectStandardError = true,
            RedirectStandardOutput = true,
            Environment = { ["XDG_DATA_HOME"] = _folder.At("cache") },
        };
        string[] line =
        [
            .. program[1..], Path.Combine(AppContext.BaseDirectory, "NativeFl.Cli.dll"), "logits", "--model", _case.Folder, "--ids", Ids(), "--out", _folder.At(name + ".safetensors"),
            "--device", device, "--dtype", "f32", "--cuda-libraries", folder,
        ];
        foreach (string argument in line) start.ArgumentList.Add(argument);
        using Process process = Process.Start(start)!;
        Task<string> output = process.StandardOutput.ReadToEndAsync();
        string error = await process.StandardError.ReadToEndAsync();
        await output;
        await process.WaitForExitAsync();
        return (process.ExitCode, error);
    }

    private string Ids() => File.Exists(_folder.At("ids.json")) ? _folder.At("ids.json") : VerbInput.Ids(_case, _folder);

    private double Error(string name)
    {
        using SafetensorsFile file = SafetensorsFile.Open(_folder.At(name + ".safetensors"));
        int vocabulary = _case.Config.VocabularySize;
        var values = new float[_case.Examples.Count * _case.Length * vocabulary];
        file.Read("logits", 0, values);
        float[] real = [.. _case.Examples.SelectMany((e, row) => values.AsSpan(row * _case.Length * vocabulary, e.InputIds.Length * vocabulary).ToArray())];
        return FixtureCase.Distance(real, _case.RealRows("base.logits"));
    }
}
