using NativeFl.Tensors;

namespace NativeFl.Tests.Tensors;

public sealed class GatherRowsTests
{
    private static readonly (int Rows, int Columns)[] Shapes = [(1, 1), (9, 7), (64, 32), (50, 100), (20, 2048)];

    [TestCaseSource(nameof(Shapes))]
    public void Gather_matches_reference((int Rows, int Columns) shape)
    {
        float[] x = Sample.Normal(shape.Rows * shape.Columns, 1);
        int[] rows = Sample.Integers(shape.Rows + 3, shape.Rows, 2);
        using var arena = new OpArena();
        TensorView y = arena.Unwritten(rows.Length, shape.Columns);
        arena.Backend.GatherRows(arena.Floats(x, shape.Rows, shape.Columns), arena.Integers(rows), y);
        Assert.That(arena.Read(y).Wide(), Is.EqualTo(Reference.GatherRows.Gather(x.Wide(), shape.Columns, rows)));
    }

    [TestCaseSource(nameof(Shapes))]
    public void Scatter_matches_reference_and_leaves_other_rows((int Rows, int Columns) shape)
    {
        int[] rows = [.. Enumerable.Range(0, shape.Rows).Where(i => i % 3 != 1).Reverse()];
        float[] x = Sample.Normal(rows.Length * shape.Columns, 1), y = Sample.Normal(shape.Rows * shape.Columns, 2);
        using var arena = new OpArena();
        TensorView result = arena.Floats(y, shape.Rows, shape.Columns);
        arena.Backend.ScatterRows(arena.Floats(x, rows.Length, shape.Columns), arena.Integers(rows), result);
        Assert.That(arena.Read(result).Wide(), Is.EqualTo(Reference.GatherRows.Scatter(x.Wide(), shape.Columns, rows, y.Wide())));
    }

    [Test]
    public void Reference_scatter_is_the_transpose_of_gather()
    {
        int[] rows = [4, 0, 2];
        double[] x = Sample.Normal(5 * 3, 1).Wide(), weights = Sample.Normal(3 * 3, 2).Wide();
        double[] Output() => Reference.GatherRows.Gather(x, 3, rows);
        Agreement.CloseToDifferences(Reference.GatherRows.Scatter(weights, 3, rows, new double[15]), Reference.FiniteDifference.Gradient(x, weights, Output));
    }

    [TestCase(-1)]
    [TestCase(2)]
    public void A_row_outside_is_refused(int row)
    {
        using var arena = new OpArena();
        TensorView x = arena.Unwritten(2, 3), y = arena.Unwritten(1, 3), rows = arena.Integers(row);
        Assert.That(() => arena.Backend.GatherRows(x, rows, y), Throws.ArgumentException.With.Message.Contains("rows[0]: expected 0 .. 1"));
        Assert.That(() => arena.Backend.ScatterRows(y, rows, x), Throws.ArgumentException.With.Message.Contains("rows[0]: expected 0 .. 1"));
    }
}
