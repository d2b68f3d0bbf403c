using NativeFl.Tensors;
using NativeFl.Tests.Tensors;

namespace NativeFl.Cuda.Tests;

internal sealed class PackTests : CudaTest
{
    [Test]
    public void A_packed_matrix_gives_back_what_its_type_can_hold([Values(1, 5, 64)] int rows, [Values(1, 3, 24)] int columns, [Values] bool isNarrow)
    {
        DType dtype = isNarrow ? DType.BF16 : DType.F32;
        float[] values = Sample.Normal(rows * columns, 5);
        Assert.That(Unpack(Pack(values, rows, columns, dtype)), Is.EqualTo(Stored(values, dtype)));
    }

    [Test]
    public void Some_rows_can_be_packed_and_unpacked_alone()
    {
        float[] values = Sample.Normal(40, 6), more = Sample.Normal(16, 7);
        PackedMatrix packed = Pack(values, 5, 8, DType.F32);
        Backend.Pack(Upload(more, 2, 8), 2, packed);
        TensorView rows = New(2, 8);
        Backend.Unpack(packed, 2, rows);
        Assert.That(Download(rows), Is.EqualTo(more));
        Assert.That(Unpack(packed), Is.EqualTo(values[..16].Concat(more).Concat(values[32..])));
    }

    [Test]
    public void Wrong_shapes_are_refused_by_name()
    {
        PackedMatrix packed = Pack(Sample.Normal(12, 8), 3, 4, DType.F32);
        TensorView wide = New(1, 5), tooMany = New(2, 4);
        Assert.That(() => Backend.Pack(wide, 0, packed), Throws.ArgumentException.With.Message.Contains("rows"));
        Assert.That(() => Backend.Pack(tooMany, 2, packed), Throws.ArgumentException.With.Message.Contains("firstRow"));
    }
}
