using NativeFl.Tensors;
using NativeFl.Tests.Tensors;

namespace NativeFl.Cuda.Tests;

[Category("Kernels")]
[TestFixture(DType.F32)]
[TestFixture(DType.BF16)]
internal sealed class CudaEmbeddingTests(DType type) : EmbeddingTests(type), ISharesBackend
{
    CudaBackend? ISharesBackend.Shared => Backend as CudaBackend;

    protected override Backend Open() => TestDevice.Open();

    protected override void Close(Backend backend) => TestDevice.Close(backend, Ran);

    [Test]
    public void A_token_outside_the_vocabulary_is_NaN_and_gets_nothing()
    {
        int[] tokens = [-1, 3, 4, int.MaxValue, int.MinValue];
        float[] table = Stored(Sample.Normal(4 * 8, 1), Type), dx = Stored(Sample.Normal(5 * 8, 2), Type), before = Sample.Normal(4 * 8, 3);
        TensorView x = Upload(new float[40], 5, 8, Type);
        Backend.EmbeddingForward(Pack(table, 4, 8, DType.F32), UploadIntegers(tokens), x);
        float[] got = Download(x);
        Assert.That(got[..8].Concat(got[16..]), Is.All.NaN);
        Assert.That(got[8..16], Is.EqualTo(table[24..]));
        float[] gradient = Backward(dx, tokens, before, 8);
        Assert.That(gradient[..24], Is.EqualTo(before[..24]));
        Assert.That(gradient[24..], Is.EqualTo(before[24..].Zip(dx[8..16], (a, b) => a + b)));
    }
}
