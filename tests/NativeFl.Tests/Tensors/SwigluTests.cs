using NativeFl.Tensors;

namespace NativeFl.Tests.Tensors;

public sealed class SwigluTests
{
    private static readonly (int Rows, int Columns)[] Shapes = [(1, 1), (3, 7), (16, 64), (5, 100), (9, 5632)];

    [TestCaseSource(nameof(Shapes))]
    public void Forward_matches_reference((int Rows, int Columns) shape)
    {
        (float[] gate, float[] up, _) = Inputs(shape.Rows * shape.Columns);
        using var arena = new OpArena();
        TensorView y = arena.Unwritten(shape.Rows, shape.Columns);
        arena.Backend.SwigluForward(arena.Floats(gate, shape.Rows, shape.Columns), arena.Floats(up, shape.Rows, shape.Columns), y);
        Agreement.Close(arena.Read(y), Reference.Swiglu.Forward(gate.Wide(), up.Wide()), Tolerance.For(DType.F32, 4));
    }

    [TestCaseSource(nameof(Shapes))]
    public void Backward_matches_reference((int Rows, int Columns) shape)
    {
        (float[] gate, float[] up, float[] dy) = Inputs(shape.Rows * shape.Columns);
        using var arena = new OpArena();
        TensorView dGate = arena.Unwritten(shape.Rows, shape.Columns), dUp = arena.Unwritten(shape.Rows, shape.Columns);
        arena.Backend.SwigluBackward(
            arena.Floats(dy, shape.Rows, shape.Columns), arena.Floats(gate, shape.Rows, shape.Columns), arena.Floats(up, shape.Rows, shape.Columns), dGate, dUp);
        (double[] expectedGate, double[] expectedUp) = Reference.Swiglu.Backward(dy.Wide(), gate.Wide(), up.Wide());
        Agreement.Close(arena.Read(dGate), expectedGate, Tolerance.For(DType.F32, 8), "dGate");
        Agreement.Close(arena.Read(dUp), expectedUp, Tolerance.For(DType.F32, 4), "dUp");
    }

    [Test]
    public void Reference_backward_matches_finite_differences()
    {
        (float[] fg, float[] fu, float[] fdy) = Inputs(12);
        (double[] gate, double[] up, double[] dy) = (fg.Wide(), fu.Wide(), fdy.Wide());
        double[] Output() => Reference.Swiglu.Forward(gate, up);
        (double[] dGate, double[] dUp) = Reference.Swiglu.Backward(dy, gate, up);
        Agreement.CloseToDifferences(dGate, Reference.FiniteDifference.Gradient(gate, dy, Output), "dGate");
        Agreement.CloseToDifferences(dUp, Reference.FiniteDifference.Gradient(up, dy, Output), "dUp");
    }

    [Test]
    public void Backward_may_overwrite_gate_with_up_or_dy([Values] bool overDy)
    {
        (float[] gate, float[] up, float[] dy) = Inputs(5 * 27);
        using var arena = new OpArena();
        TensorView g = arena.Floats(gate, 5, 27), u = arena.Floats(up, 5, 27), d = arena.Floats(dy, 5, 27);
        TensorView dGate = arena.Unwritten(5, 27), dUp = arena.Unwritten(5, 27);
        arena.Backend.SwigluBackward(d, g, u, dGate, dUp);
        arena.Backend.SwigluBackward(d, g, u, g, overDy ? d : u);
        Assert.That(arena.Read(g), Is.EqualTo(arena.Read(dGate)));
        Assert.That(arena.Read(overDy ? d : u), Is.EqualTo(arena.Read(dUp)));
    }

    [Test]
    public void Huge_gates_saturate()
    {
        float[] gate = [-1000, -100, -88, 88, 100, 1000], ones = [1, 1, 1, 1, 1, 1];
        using var arena = new OpArena();
        TensorView g = arena.Floats(gate, 1, 6), one = arena.Floats(ones, 1, 6), y = arena.Unwritten(1, 6), dGate = arena.Unwritten(1, 6), dUp = arena.Unwritten(1, 6);
        arena.Backend.SwigluForward(g, one, y);
        arena.Backend.SwigluBackward(one, g, one, dGate, dUp);
        Agreement.Close(arena.Read(y), Reference.Swiglu.Forward(gate.Wide(), ones.Wide()), 1e-6, "y");
        Agreement.Close(arena.Read(dGate), Reference.Swiglu.Backward(ones.Wide(), gate.Wide(), ones.Wide()).DGate, 1e-6, "dGate");
    }

    [Test]
    public void Results_do_not_depend_on_the_number_of_threads()
    {
        (float[] gate, float[] up, _) = Inputs(70001);
        Agreement.SameBitsOnAnyThreads(arena =>
        {
            TensorView y = arena.Unwritten(70001);
            arena.Backend.SwigluForward(arena.Floats(gate, 70001, 1), arena.Floats(up, 70001, 1), y);
            return arena.Read(y);
        });
    }

    private static (float[] Gate, float[] Up, float[] DY) Inputs(int count) => (Sample.Normal(count, 1, 3), Sample.Normal(count, 2), Sample.Normal(count, 3));
}
