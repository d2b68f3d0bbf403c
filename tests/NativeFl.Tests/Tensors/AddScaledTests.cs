using NativeFl.Tensors;

namespace NativeFl.Tests.Tensors;

internal abstract class AddScaledTests(DType type) : OpTest
{
    [Test]
    public void Forward_matches_reference([Values(1, 7, 64, 2049, 10000)] int count)
    {
        float[] x = Stored(Sample.Normal(count, 1), type), y = Stored(Sample.Normal(count, 2), type);
        Agreement.Close(Sum(x, -0.7f, y), Reference.AddScaled.Forward(x.Wide(), -0.7f, y.Wide()), Tolerance.For(type, 1));
    }

    [Test]
    public void A_tensor_off_the_alignment_of_vectors_gives_the_same()
    {
        float[] x = Stored(Sample.Normal(65, 1), type), y = Stored(Sample.Normal(65, 2), type);
        TensorView shifted = Upload(y, 65, 1, type);
        Backend.AddScaled(Upload(x, 65, 1, type).Slice(1, 64), 0.3f, shifted.Slice(1, 64));
        Assert.That(Download(shifted), Is.EqualTo((float[])[y[0], .. Sum(x, 0.3f, y)[1..]]));
    }

    [Test]
    public void A_wrong_count_is_refused() => Assert.That(
        () => Backend.AddScaled(Unwritten(3, 1), 1, Unwritten(4, 1)), Throws.ArgumentException.With.Message.Contains("x: expected 4 elements of F32"));

    protected float[] Sum(float[] x, float alpha, float[] y)
    {
        TensorView result = Upload(y, y.Length, 1, type);
        Backend.AddScaled(Upload(x, x.Length, 1, type), alpha, result);
        return Download(result);
    }
}
