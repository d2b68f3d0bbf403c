using NativeFl.Tensors;
using NativeFl.Tensors.Cpu;
using NativeFl.Tests.Tensors;

namespace NativeFl.Cuda.Tests;

[Category("Kernels")]
[TestFixture(DType.F32)]
[TestFixture(DType.BF16)]
internal sealed class CudaDropoutTests(DType type) : DropoutTests(type), ISharesBackend
{
    CudaBackend? ISharesBackend.Shared => Backend as CudaBackend;

    protected override Backend Open() => TestDevice.Open();

    protected override void Close(Backend backend) => TestDevice.Close(backend, Ran);

    [TestCase(0f)]
    [TestCase(0.05f)]
    [TestCase(0.9f)]
    public void It_draws_the_bits_of_the_cpu(float rate)
    {
        float[] x = Stored(Sample.Normal(20 * 101, 1), Type);
        using var cpu = new CpuBackend(new CpuBackendOptions());
        float[] expected = On(cpu, () =>
        {
            TensorView y = Upload(x, 20, 101);
            Backend.DropoutForward(y, Clients(20), 5, rate, y);
            return Download(y);
        });
        Assert.That(Forward(x, 101, Clients(20), rate), Is.EqualTo(Stored(expected, Type)));
    }
}
