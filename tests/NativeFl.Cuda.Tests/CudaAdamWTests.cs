using NativeFl.Tensors;
using NativeFl.Tensors.Cpu;
using NativeFl.Tests.Tensors;

namespace NativeFl.Cuda.Tests;

[Category("Kernels")]
internal sealed class CudaAdamWTests : AdamWTests, ISharesBackend
{
    CudaBackend? ISharesBackend.Shared => Backend as CudaBackend;

    protected override Backend Open() => TestDevice.Open();

    protected override void Close(Backend backend) => TestDevice.Close(backend, Ran);

    [Test]
    public void A_step_is_that_of_the_cpu_to_a_unit_in_the_last_place()
    {
        float[] start = Sample.Normal(Count, 1), gradients = Sample.Normal(Count, 2);
        (float[] p, float[] m, float[] v) = Step(start, gradients);
        using var cpu = new CpuBackend(new CpuBackendOptions());
        (float[] cpuP, float[] cpuM, float[] cpuV) = On(cpu, () => Step(start, gradients));
        Assert.That(m, Is.EqualTo(cpuM).Within(1).Ulps);
        Assert.That(v, Is.EqualTo(cpuV).Within(1).Ulps);
        Agreement.Close(p, cpuP.Wide(), Math.Pow(2, -23));
    }
}
