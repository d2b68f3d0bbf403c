using NativeFl.Tensors;
using NativeFl.Tensors.Cpu;

namespace NativeFl.Tests.Tensors;

internal sealed class CpuShapleyTests : ShapleyTests
{
    protected override int Many => 20_000;

    protected override Backend Open() => new CpuBackend(new CpuBackendOptions { Threads = 2 });

    [Test]
    public void Results_do_not_depend_on_the_number_of_threads() => Agreement.SameBitsOnAnyThreads(arena =>
    {
        TensorView partials = arena.New(13, 200, DType.F64), moments = arena.New(2, 100, DType.F64);
        TensorView gains = arena.Floats(Sample.Normal(100, 1), 100, 1), rows = arena.Floats(Sample.Normal(100 * 17, 2), 100, 17);
        arena.Backend.ShapleyQuadratic(gains, rows, new PlayerOrders(3, 200), partials, moments);
        double[] values = new double[200];
        arena.Backend.Download<double>(moments, values);
        return [.. values.SelectMany(value => new[] { BitConverter.Int32BitsToSingle((int)BitConverter.DoubleToInt64Bits(value)), BitConverter.Int32BitsToSingle((int)(BitConverter.DoubleToInt64Bits(value) >> 32)) })];
    });
}
