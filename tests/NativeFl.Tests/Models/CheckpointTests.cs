using NativeFl.Models;
using NativeFl.Tensors;

namespace NativeFl.Tests.Models;

public sealed class CheckpointTests
{
    [TestCaseSource(typeof(ModelFixture), nameof(ModelFixture.Names))]
    public void A_fixture_model_has_every_tensor_of_its_config(string name)
    {
        using Checkpoint checkpoint = Checkpoint.Open(ModelFixture.Folder(name));
        checkpoint.Validate();
        DType expected = name.EndsWith("bf16", StringComparison.Ordinal) ? DType.BF16 : name.EndsWith("f16", StringComparison.Ordinal) ? DType.F16 : DType.F32;
        Assert.That(checkpoint.StorageType, Is.EqualTo(expected));
        Assert.That(Checkpoint.ExpectedTensors(checkpoint.Config).Select(t => t.Name), Is.EquivalentTo(checkpoint.Names));
    }
}
