using NativeFl.Tensors;

namespace NativeFl.Tests.Tensors;

internal abstract class SwigluTests(DType type) : OpTest
{
    private static readonly (int Rows, int Columns)[] Shapes = [(1, 1), (3, 7), (16, 64), (5, 100), (3, 5632)];

    [TestCaseSource(nameof(Shapes))]
    public void Forward_matches_reference((int Rows, int Columns) shape)
    {
        (float[] gate, float[] up, _) = Inputs(shape.Rows * shape.Columns);
        Agreement.Close(Forward(gate, up, shape.Columns), Reference.Swiglu.Forward(gate.Wide(), up.Wide()), Tolerance.For(type, 4));
    }

    [TestCaseSource(nameof(Shapes))]
    public void Backward_matches_reference((int Rows, int Columns) shape)
    {
        (float[] gate, float[] up, float[] dy) = Inputs(shape.Rows * shape.Columns);
        (float[] dGate, float[] dUp) = Backward(dy, gate, up, shape.Columns);
        (double[] expectedGate, double[] expectedUp) = Reference.Swiglu.Backward(dy.Wide(), gate.Wide(), up.Wide());
        Agreement.Close(dGate, expectedGate, Tolerance.For(type, 8), "dGate");
        Agreement.Close(dUp, expectedUp, Tolerance.For(type, 4), "dUp");
    }

    [Test]
    public void Gradients_may_overwrite_what_they_come_from([Values(7, 27, 64)] int columns, [Values] bool overDy)
    {
        (float[] gate, float[] up, float[] dy) = Inputs(3 * columns);
        TensorView g = Upload(gate, 3, columns, type), u = Upload(up, 3, columns, type), d = Upload(dy, 3, columns, type), over = overDy ? d : u;
        Backend.SwigluBackward(d, g, u, g, over);
        Assert.That((Download(g), Download(over)), Is.EqualTo(Backward(dy, gate, up, columns)));
    }

    [Test]
    public void Extreme_gates_give_their_limits()
    {
        float[] gate = Stored([-1e4f, -200, -100, -90, 90, 100, 1e4f], type), ones = [.. gate.Select(_ => 1f)], got = Forward(gate, ones, gate.Length);
        Assert.That(got[..4], Is.All.EqualTo(0).Within(1e-36));
        Assert.That(got[4..], Is.EqualTo(gate[4..]).Within(1).Ulps);
        Agreement.Close(Backward(ones, gate, ones, gate.Length).DGate, Reference.Swiglu.Backward(ones.Wide(), gate.Wide(), ones.Wide()).DGate, Tolerance.For(type, 4));
    }

    [Test]
    public void A_tensor_off_the_alignment_of_vectors_gives_the_same()
    {
        (float[] gate, float[] up, _) = Inputs(65);
        TensorView g = Upload(gate, 65, 1, type), u = Upload(up, 65, 1, type), shifted = Unwritten(65, 1, type);
        Backend.SwigluForward(g.Slice(1, 64), u.Slice(1, 64), shifted.Slice(1, 64));
        Assert.That(Download(shifted.Slice(1, 64)), Is.EqualTo(Forward(gate, up, 1)[1..]));
    }

    protected (float[] Gate, float[] Up, float[] DY) Inputs(int count) =>
        (Stored(Sample.Normal(count, 1, 3), type), Stored(Sample.Normal(count, 2), type), Stored(Sample.Normal(count, 3), type));

    protected float[] Forward(float[] gate, float[] up, int columns)
    {
        int rows = gate.Length / columns;
        TensorView y = Unwritten(rows, columns, type);
        Backend.SwigluForward(Upload(gate, rows, columns, type), Upload(up, rows, columns, type), y);
        return Download(y);
    }

    private (float[] DGate, float[] DUp) Backward(float[] dy, float[] gate, float[] up, int columns)
    {
        int rows = gate.Length / columns;
        TensorView dGate = Unwritten(rows, columns, type), dUp = Unwritten(rows, columns, type);
        Backend.SwigluBackward(Upload(dy, rows, columns, type), Upload(gate, rows, columns, type), Upload(up, rows, columns, type), dGate, dUp);
        return (Download(dGate), Download(dUp));
    }
}
