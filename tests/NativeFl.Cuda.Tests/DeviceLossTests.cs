using System.Text.Json.Nodes;
using NativeFl.Tests.Cli;
using NativeFl.Tests.Models;

namespace NativeFl.Cuda.Tests;

/// <summary>A device that is lost in the middle of a run: one line, exit code 1, and a checkpoint from which the run goes on to the same bits.</summary>
internal sealed class DeviceLossTests
{
    private const int LaunchFailed = 719;

    private TemporaryFolder _folder = null!;

    [SetUp]
    public void Open()
    {
        CommandLineDevice.Require();
        _folder = new TemporaryFolder();
    }

    [TearDown]
    public void Close() => _folder?.Dispose();

    [TestCase("train", "adapter_model.safetensors")]
    [TestCase("pretrain", "model.safetensors")]
    public void Training_goes_on_from_the_last_checkpoint(string verb, string file)
    {
        using var fixture = new FixtureCase("llama");
        string[] line =
        [
            verb, "--model", fixture.Folder, "--data", VerbInput.Records(fixture, _folder), "--steps", "6", "--batch-size", "2", "--lr", "1e-2", "--seed", "3",
            "--save-every", "1", .. CommandLineDevice.Flags("f32"), "--out",
        ];
        using (var emulator = new Emulator())
        {
            long before = emulator.Launches();
            CliRun.Json([.. line, _folder.At("whole")]);
            long kernels = emulator.Launches() - before;
            Assert.That(kernels, Is.GreaterThan(100));
            emulator.Fail("kernel", (int)(kernels * 2 / 3), LaunchFailed);
            CliRun lost = CliRun.Of([.. line, _folder.At("lost")]);
            Assert.That(lost.ExitCode, Is.EqualTo(1), lost.Error);
            string[] errors = [.. lost.Error.Split('\n', StringSplitOptions.RemoveEmptyEntries).Where(l => l != TestDevice.Description)];
            Assert.That(errors, Has.Length.EqualTo(1), lost.Error);
            Assert.That(errors[0], Does.Contain("LAUNCH_FAILED"));
        }

        Assert.That(Directory.Exists(_folder.At("lost", "checkpoint")));
        JsonObject resumed = CliRun.Json([.. line, _folder.At("lost"), "--resume"]);
        Assert.That(resumed["losses"]!.AsArray(), Has.Count.EqualTo(6));
        Assert.That(File.ReadAllBytes(_folder.At("lost", file)), Is.EqualTo(File.ReadAllBytes(_folder.At("whole", file))));
    }
}
