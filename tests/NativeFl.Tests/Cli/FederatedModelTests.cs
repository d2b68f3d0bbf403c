using NativeFl.Models;
using NativeFl.Tensors;
using NativeFl.Tests.Models;

namespace NativeFl.Tests.Cli;

/// <summary>A base whose files are bf16: whatever the method and the rounds, its model is summed in f32 and rounded once, in the file.</summary>
public sealed class FederatedModelTests
{
    private static readonly string Model = CliRun.Fixture("models", "llama-bf16");

    private TemporaryFolder _folder = null!;
    private string[] _line = [];

    [SetUp]
    public void Open()
    {
        _folder = new TemporaryFolder();
        using var fixture = new FixtureCase("llama-bf16");
        _line =
        [
            "federate", "--model", Model, "--data", VerbInput.Records(fixture, _folder), "--clients", "2", "--ranks", "2", "--rounds", "2", "--seed", "5",
            "--batch-size", "2", "--lr", "1e-2",
        ];
    }

    [TearDown]
    public void Close() => _folder.Dispose();

    [Test]
    public void A_base_of_bf16_is_rounded_once_and_at_the_end([Values(
        "flora", "flora-unmerged", "florist", "fedavg", "zero-padding", "flexlora", "fedex", "centralized", "full", "fedavg-as-released")] string method)
    {
        CliRun.Json([.. _line, "--method", method, "--out", _folder.At("bf16")]);
        CliRun.Json([.. _line, "--method", method, "--save-dtype", "f32", "--out", _folder.At("f32")]);
        using Checkpoint stored = Checkpoint.Open(_folder.At("bf16", "model")), whole = Checkpoint.Open(_folder.At("f32", "model"));
        Assert.That((stored.StorageType, whole.StorageType), Is.EqualTo((DType.BF16, DType.F32)));
        Assert.That(whole.Names, Is.EquivalentTo(stored.Names));
        int finer = 0;
        foreach ((string name, long[] shape) in Checkpoint.ExpectedTensors(whole.Config))
        {
            float[] values = Read(whole, name, shape), rounded = Rounded(values);
            Assert.That(Read(stored, name, shape), Is.EqualTo(rounded), name);
            if (name.EndsWith("_proj.weight", StringComparison.Ordinal) && !values.SequenceEqual(rounded)) finer++;
        }

        Assert.That(finer, Is.EqualTo(whole.Config.Modules().Count()), "the sums of every module are finer than bf16");
    }

    /// <summary>What the server ends with beside the base is merged by another verb, in f32.</summary>
    [Test]
    public void An_f32_checkpoint_is_the_base_and_the_last_adapter_to_the_bit(
        [Values("fedavg", "zero-padding", "flexlora", "centralized", "fedavg-as-released")] string method)
    {
        CliRun.Json([.. _line, "--method", method, "--save-dtype", "f32", "--out", _folder.At("fed")]);
        CliRun.Json(
            "merge", "--model", Model, "--adapter", _folder.At("fed", "round-02", "global"), "--save-dtype", "f32", "--out", _folder.At("merged"));
        Assert.That(
            File.ReadAllBytes(_folder.At("fed", "model", "model.safetensors")), Is.EqualTo(File.ReadAllBytes(_folder.At("merged", "model.safetensors"))));
    }

    [Test]
    public void An_f32_base_that_runs_in_bf16_is_saved_as_its_files_have_it()
    {
        string model = CliRun.Fixture("models", "llama");
        string[] line = [.. _line.Select(word => word == Model ? model : word), "--method", "fedavg", "--dtype", "bf16"];
        CliRun.Json([.. line, "--out", _folder.At("fed")]);
        CliRun.Json("merge", "--model", model, "--adapter", _folder.At("fed", "round-02", "global"), "--out", _folder.At("merged"));
        Assert.That(
            File.ReadAllBytes(_folder.At("fed", "model", "model.safetensors")), Is.EqualTo(File.ReadAllBytes(_folder.At("merged", "model.safetensors"))));
    }

    private static float[] Read(Checkpoint checkpoint, string name, long[] shape)
    {
        var values = new float[shape.Aggregate(1L, (product, extent) => product * extent)];
        checkpoint.Read(name, 0, shape.Length == 2 ? (int)shape[1] : 1, values);
        return values;
    }

    /// <summary>To the nearest bf16, ties to even, by the bits of the number.</summary>
    private static float[] Rounded(float[] values) => [.. values.Select(value =>
    {
        uint bits = BitConverter.SingleToUInt32Bits(value);
        return BitConverter.UInt32BitsToSingle((bits + 0x7FFF + ((bits >> 16) & 1)) & 0xFFFF0000);
    })];
}
