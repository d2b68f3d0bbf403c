using System.Text.Json.Nodes;
using NativeFl.Cuda.Kernels;
using NativeFl.Tests.Cli;

namespace NativeFl.Cuda.Tests;

/// <summary>What info --kernels says of the device.</summary>
internal sealed class InfoTests
{
    [SetUp]
    public void Require() => CommandLineDevice.Require();

    [Test]
    public void Every_kernel_is_listed_with_what_it_takes_and_where_it_came_from()
    {
        JsonObject info = CliRun.Json(["info", "--kernels", .. CommandLineDevice.Flags("f32")]);
        KernelSources sources = KernelSources.Embedded();
        // Whatever the files, the emulator has them all.
        IEnumerable<string> listed = info["cuda"]!["kernels"]!.AsObject().Select(kernel => kernel.Key), names = TestDevice.IsEmulator ? sources.Names : listed;
        JsonObject[] rows = [.. info["kernels"]!.AsArray().Select(row => row!.AsObject())];
        Assert.That(
            rows.Select(row => ((string?)row["file"], (string?)row["entry"])),
            Is.EqualTo(names.SelectMany(name => sources.EntryPoints(name).Select(entry => ((string?)name, (string?)entry)))));
        Assert.That(rows.Select(row => (string?)row["origin"]), Is.All.AnyOf("prebuilt", "cached", "compiled"));
        Assert.That(rows.Select(row => (string?)row["target"]), Is.All.Match("^(sm|compute)_[0-9]+a?$"));
        Assert.That(rows.Select(row => (int)row["registers"]!), Is.All.InRange(1, 255));
        Assert.That(rows.Select(row => (int)row["static_shared_bytes"]!), Is.All.InRange(0, 48 << 10));
        Assert.That(rows.Select(row => (int)row["threads"]!), Is.All.InRange(32, 1024));
        Assert.That(rows.Where(row => (int)row["dynamic_shared_bytes"]! > 0).Select(row => (string?)row["file"]).Distinct(), Does.Contain("gemm").And.Not.Contain("rms_norm"));
        Assert.That(rows.Select(row => (int)row["local_bytes"]!), Is.All.Zero);
        Assert.That(rows.Select(row => (int)row["spill_bytes"]!), Is.All.Zero);
        Assert.That(listed, Is.EqualTo(names));
    }

    [Test]
    public void The_table_has_a_column_for_each_figure()
    {
        CliRun run = CliRun.Of(["info", "--kernels", .. CommandLineDevice.Flags("f32")]);
        Assert.That(run.ExitCode, Is.Zero, run.Error);
        string[] lines = run.Output.Split('\n');
        Assert.That(lines, Has.Some.Match("^kernel +target +origin +threads +registers +static +dynamic +local +spills +blocks +warps +bound$"));
        Assert.That(lines, Has.Some.Match("^copy_f32_to_bf16 +(sm|compute)_[0-9]+ +[a-z]+( +[0-9]+){6}( +([0-9]+|-)){2} +[a-z-]+$"));
        Assert.That(lines, Has.Some.Match("^gemm_nn_bf16 +(sm|compute)_[0-9]+ +[a-z]+ +128 +[0-9]+ +0 +61440 "));
    }

    [Test]
    public void A_compiler_that_does_not_say_what_kernels_take_is_one_line()
    {
        if (!TestDevice.IsEmulator) Assert.Ignore($"needs the emulator, whose compiler knows no registers; this is {TestDevice.Description}");
        CliRun.Fails(
            1, ["compile kernels/adamw.cu for sm_80: NVRTC 12.99 does not say what its entry points take"],
            "info", "--kernels", "--json", "--quiet", "--device", "cpu", "--cuda-libraries", TestDevice.Options!.LibraryFolder);
    }
}
