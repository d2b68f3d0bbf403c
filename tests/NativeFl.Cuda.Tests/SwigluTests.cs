using NativeFl.Tensors;
using NativeFl.Tests;
using NativeFl.Tests.Tensors;
using Reference = NativeFl.Tests.Reference;

namespace NativeFl.Cuda.Tests;

internal sealed class SwigluTests : CudaTest
{
    private static readonly (int Rows, int Columns)[] Shapes = [(1, 1), (3, 7), (16, 64), (5, 100), (3, 5632)];

    [Test]
    public void Forward_matches_reference(
        [ValueSource(nameof(Shapes))] (int Rows, int Columns) shape, [Values(DType.F32, DType.BF16)] DType type)
    {
        (float[] gate, float[] up, _) = Inputs(shape.Rows * shape.Columns, type);
        TensorView y = Unwritten(shape.Rows, shape.Columns, type);
        Backend.SwigluForward(Upload(gate, shape.Rows, shape.Columns, type), Upload(up, shape.Rows, shape.Columns, type), y);
        Agreement.Close(Download(y), Reference.Swiglu.Forward(gate.Wide(), up.Wide()), Tolerance.For(type, 4));
    }

    [Test]
    public void Backward_matches_reference(
        [ValueSource(nameof(Shapes))] (int Rows, int Columns) shape, [Values(DType.F32, DType.BF16)] DType type)
    {
        (float[] gate, float[] up, float[] dy) = Inputs(shape.Rows * shape.Columns, type);
        TensorView dGate = Unwritten(shape.Rows, shape.Columns, type), dUp = Unwritten(shape.Rows, shape.Columns, type);
        Backend.SwigluBackward(
            Upload(dy, shape.Rows, shape.Columns, type), Upload(gate, shape.Rows, shape.Columns, type), Upload(up, shape.Rows, shape.Columns, type),
            dGate, dUp);
        (double[] expectedGate, double[] expectedUp) = Reference.Swiglu.Backward(dy.Wide(), gate.Wide(), up.Wide());
        Agreement.Close(Download(dGate), expectedGate, Tolerance.For(type, 8), "dGate");
        Agreement.Close(Download(dUp), expectedUp, Tolerance.For(type, 4), "dUp");
    }

    [Test]
    public void Gradients_may_overwrite_what_they_come_from([Values(7, 64)] int columns, [Values(DType.F32, DType.BF16)] DType type)
    {
        (float[] gate, float[] up, float[] dy) = Inputs(3 * columns, type);
        TensorView g = Upload(gate, 3, columns, type), u = Upload(up, 3, columns, type), d = Upload(dy, 3, columns, type);
        TensorView dGate = Unwritten(3, columns, type), dUp = Unwritten(3, columns, type);
        Backend.SwigluBackward(d, g, u, dGate, dUp);
        float[] expectedGate = Download(dGate), expectedUp = Download(dUp);
        TensorView g2 = Upload(gate, 3, columns, type);
        Backend.SwigluBackward(d, g2, u, g2, d);
        Assert.That((Download(g2), Download(d)), Is.EqualTo((expectedGate, expectedUp)));
    }

    [Test]
    public void Extreme_gates_give_their_limits()
    {
        float[] gate = [-1e4f, -200, -90, 90, 1e4f], ones = [1, 1, 1, 1, 1];
        TensorView y = Unwritten(1, 5);
        Backend.SwigluForward(Upload(gate, 1, 5), Upload(ones, 1, 5), y);
        float[] got = Download(y);
        Assert.That(got[..3], Is.All.EqualTo(0).Within(1e-36));
        Assert.That(got[3..], Is.EqualTo(new float[] { 90, 1e4f }).Within(1).Ulps);
    }

    [Test]
    public void A_tensor_off_the_alignment_of_vectors_gives_the_same()
    {
        (float[] gate, float[] up, _) = Inputs(65, DType.F32);
        TensorView g = Upload(gate, 65, 1), u = Upload(up, 65, 1), aligned = Unwritten(65, 1), shifted = Unwritten(65, 1);
        Backend.SwigluForward(g, u, aligned);
        Backend.SwigluForward(g.Slice(1, 64), u.Slice(1, 64), shifted.Slice(1, 64));
        Assert.That(Download(shifted.Slice(1, 64)), Is.EqualTo(Download(aligned)[1..]));
    }

    private static (float[] Gate, float[] Up, float[] DY) Inputs(int count, DType type) =>
        (Stored(Sample.Normal(count, 1, 2), type), Stored(Sample.Normal(count, 2), type), Stored(Sample.Normal(count, 3), type));
}
