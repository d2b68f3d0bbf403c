using NativeFl.Tensors;
using NativeFl.Tests.Tensors;

namespace NativeFl.Cuda.Tests;

[Category("Kernels")]
[TestFixture(DType.F32)]
[TestFixture(DType.BF16)]
internal sealed class CudaGatherRowsTests(DType type) : GatherRowsTests(type), ISharesBackend
{
    CudaBackend? ISharesBackend.Shared => Backend as CudaBackend;

    protected override Backend Open() => TestDevice.Open();

    protected override void Close(Backend backend) => TestDevice.Close(backend, Ran);

    [Test]
    public void A_row_outside_is_NaN_where_it_is_read_and_nowhere_where_it_is_written([Values(3, 8)] int columns)
    {
        float[] x = Stored(Sample.Normal(2 * columns, 1), Type);
        TensorView rows = UploadIntegers([-1, 1, 2]), y = Upload(new float[3 * columns], 3, columns, Type), back = Upload(x, 2, columns, Type);
        Backend.GatherRows(Upload(x, 2, columns, Type), rows, y);
        float[] got = Download(y);
        Assert.That(got[..columns].Concat(got[(2 * columns)..]), Is.All.NaN);
        Assert.That(got[columns..(2 * columns)], Is.EqualTo(x[columns..]));
        Backend.ScatterRows(y, rows, back);
        Assert.That(Download(back), Is.EqualTo(x));
    }
}
