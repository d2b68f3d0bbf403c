using NativeFl.Tensors;
using NativeFl.Tensors.Cpu;
using NativeFl.Tests.Tensors;

namespace NativeFl.Cuda.Tests;

internal sealed class CopyTests : CudaTest
{
    private static readonly int[] Counts = [1, 7, 8, 1000, 4099];

    [Test]
    public void Elements_come_back_as_they_went([ValueSource(nameof(Counts))] int count)
    {
        float[] values = Sample.Normal(count, 1);
        Assert.That(Download(Upload(values, count, 1)), Is.EqualTo(values));
        int[] integers = Sample.Integers(count, int.MaxValue, 2);
        Assert.That(Download<int>(UploadIntegers(integers)), Is.EqualTo(integers));
    }

    [Test]
    public void Copy_rounds_to_nearest_even_and_widens_exactly([ValueSource(nameof(Counts))] int count)
    {
        float[] values = Sample.Normal(count, 3);
        values[0] = BitConverter.UInt32BitsToSingle(0x3F808000); // a tie
        TensorView wide = Upload(values, count, 1), narrow = Unwritten(count, 1, DType.BF16), back = Unwritten(count, 1);
        Backend.Copy(wide, narrow);
        Backend.Copy(narrow, back);
        Assert.That(Download<ushort>(narrow), Is.EqualTo(Array.ConvertAll(values, Bf16.Round)));
        Assert.That(Download(back), Is.EqualTo(Stored(values, DType.BF16)));
    }

    [Test]
    public void Copy_serves_slices_that_no_vector_load_can_read()
    {
        float[] values = Sample.Normal(30, 4);
        TensorView wide = Upload(values, 10, 3), narrow = Unwritten(10, 3, DType.BF16);
        Backend.Copy(wide.Slice(1, 9), narrow.Slice(1, 9));
        Assert.That(Download(narrow)[3..], Is.EqualTo(Stored(values, DType.BF16)[3..]));
        Assert.That(Download(narrow)[..3], Is.All.NaN);
    }

    [Test]
    public void Fill_writes_one_value_everywhere([Values] bool isNarrow, [ValueSource(nameof(Counts))] int count)
    {
        TensorView tensor = Unwritten(count, 1, isNarrow ? DType.BF16 : DType.F32);
        Backend.Fill(-2.5f, tensor);
        Assert.That(Download(tensor), Is.All.EqualTo(-2.5f));
    }

    [Test]
    public void Fresh_memory_is_zero() => Assert.That(Download(New(123, 7)), Is.All.Zero);
}
