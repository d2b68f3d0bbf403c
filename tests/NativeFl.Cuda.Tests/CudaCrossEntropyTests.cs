using NativeFl.Tensors;
using NativeFl.Tests.Tensors;

namespace NativeFl.Cuda.Tests;

[Category("Kernels")]
internal sealed class CudaCrossEntropyTests : CrossEntropyTests, ISharesBackend
{
    CudaBackend? ISharesBackend.Shared => Backend as CudaBackend;

    protected override Backend Open() => TestDevice.Open();

    protected override void Close(Backend backend) => TestDevice.Close(backend, Ran);

    [TestCase(-100)]
    [TestCase(3)]
    public void A_label_outside_the_vocabulary_makes_its_row_NaN(int label)
    {
        (float[] losses, float[] gradient) = Run(new Case([1, 2, 3, 1, 2, 3], [label, 1], [1, 1]), withGradient: true);
        Assert.That(losses[..1].Concat(gradient[..3]), Is.All.NaN);
        Assert.That(losses[1..].Concat(gradient[3..]), Has.None.NaN);
    }
}
