using NativeFl.Finetuning;

namespace NativeFl.Tests.Finetuning;

public sealed class LoraOptionsTests
{
    [TestCase(16, 8.0, false, 0.5f)]
    [TestCase(16, 8.0, true, 2f)]
    [TestCase(16, null, false, 2f)]
    [TestCase(16, null, true, 8f)]
    [TestCase(2, 3.0, true, 2.1213203f)]
    [TestCase(0, 3.0, true, 0f)]
    public void Scaling_is_alpha_over_r_or_over_its_root(int rank, double? alpha, bool useRsLora, float scaling) =>
        Assert.That(new LoraOptions { Rank = rank, Alpha = alpha, UseRsLora = useRsLora }.Scaling, Is.EqualTo(scaling));
}
