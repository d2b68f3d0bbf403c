using NativeFl.Tensors;
using NativeFl.Tensors.Cpu;

namespace NativeFl.Tests.Tensors;

internal sealed class CpuDropoutTests() : DropoutTests(DType.F32)
{
    protected override Backend Open() => new CpuBackend(new CpuBackendOptions { Threads = 2 });

    [Test]
    public void Reference_backward_matches_finite_differences()
    {
        double[] x = Sample.Normal(4 * 6, 1).Wide(), weights = Sample.Normal(4 * 6, 2).Wide();
        double[] Output() => Reference.Dropout.Forward(x, 6, Clients(4), 5, 0.4);
        Agreement.CloseToDifferences(Reference.Dropout.Backward(weights, 6, Clients(4), 5, 0.4), Reference.FiniteDifference.Gradient(x, weights, Output));
    }

    [Test]
    public void Seed_step_module_and_token_each_change_the_mask()
    {
        float[] ones = [.. Enumerable.Repeat(1f, 256)];
        float[] Mask(DropoutRows client, int module) => Forward(ones, 256, [client], 0.5f, module);
        float[][] masks = [Mask(new(0, 1, 1, 1), 1), Mask(new(0, 1, 2, 1), 1), Mask(new(0, 1, 1, 2), 1), Mask(new(0, 1, 1, 1), 2), Mask(new(0, 1, 1ul << 32, 1), 1)];
        float[] tokens = Forward([.. ones, .. ones], 256, [new(0, 2, 1, 1)], 0.5f), first = tokens[..256], second = tokens[256..];
        Assert.Multiple(() =>
        {
            Assert.That(masks.Select(mask => string.Join(',', mask)).Distinct().Count(), Is.EqualTo(masks.Length));
            Assert.That(first, Is.Not.EqualTo(second));
        });
    }

    [TestCase(0.05f)]
    [TestCase(0.5f)]
    [TestCase(0.9f)]
    public void The_share_of_zeros_is_the_rate(float rate)
    {
        const int count = 400 * 500;
        float[] y = Forward([.. Enumerable.Repeat(1f, count)], 500, [new(0, 400, 77, 1)], rate);

        // Five standard deviations of a binomial share.
        Assert.That(y.Count(v => v == 0) / (double)count, Is.EqualTo(rate).Within(5 * Math.Sqrt(rate * (1 - rate) / count)));
        Assert.That(y.Where(v => v != 0), Is.All.EqualTo((float)(1 / (1 - (double)rate))));
    }

    [Test]
    public void Results_do_not_depend_on_the_number_of_threads()
    {
        float[] x = Sample.Normal(300 * 130, 1);
        SameBitsOnAnyThreads(() => Forward(x, 130, Clients(300), 0.3f));
    }
}
