using NativeFl.LayerDropping;
using NativeFl.Models;
using NativeFl.Tensors;
using NativeFl.Tests.Finetuning;
using NativeFl.Tests.LayerDropping;
using NativeFl.Tests.Models;

namespace NativeFl.Cuda.Tests;

/// <summary>A patch that is fitted and folded on the device is the CPU's.</summary>
internal sealed class CudaLinearPatchTests
{
    [SetUp]
    public void Require() => CommandLineDevice.Require();

    [Test]
    public void It_wins_back_what_it_does_on_the_cpu([Values(DType.F32, DType.BF16)] DType dtype)
    {
        using var fixture = new FixtureCase("llama-biases");
        using CudaBackend backend = CudaBackend.Create(TestDevice.Options! with { ActivationType = dtype });
        using var cpu = TrainingCases.Backend();
        using Transformer model = Transformer.Load(backend, fixture.Folder, dtype), same = Transformer.Load(cpu, fixture.Folder, DType.F32);
        DroppedSublayers dropped = new([new Sublayer(1, SublayerKind.Attention)]);
        PatchedGap got = LinearPatch.Fit(model, dropped, PatchCases.Samples(model)).Gaps.Single();
        PatchedGap expected = LinearPatch.Fit(same, dropped, PatchCases.Samples(same)).Gaps.Single();

        // bf16 activations are off by 2⁻⁸ each, and a dozen of them lie one behind the other.
        double tolerance = dtype == DType.F32 ? 1e-4 : 0.05;
        Assert.Multiple(() =>
        {
            Assert.That(got.ErrorBefore, Is.EqualTo(expected.ErrorBefore).Within(tolerance * expected.ErrorBefore!.Value));
            Assert.That(got.ErrorAfter, Is.EqualTo(expected.ErrorAfter).Within(tolerance * expected.ErrorAfter!.Value));
            Assert.That(got.ErrorAfter, Is.LessThan(got.ErrorBefore!.Value));
        });
        using Transformer before = model.Clone();
        got.ApplyTo(model);
        double error = PatchCases.Error(before, model, dropped, got, PatchCases.Samples(model));
        Assert.That(error, Is.EqualTo(got.ErrorAfter).Within(dtype == DType.F32 ? 1e-5 : 0.05 * got.ErrorAfter!.Value), "the folded weights");
    }
}
