using NativeFl.LayerDropping;

namespace NativeFl.Tests.LayerDropping;

/// <summary>G = L Lᵀ: systems are solved to rounding, and a G that is not positive definite is found out.</summary>
public sealed class CholeskyTests
{
    [Test]
    public void Systems_are_solved_to_rounding([Values(1, 2, 63, 64, 65, 130)] int size, [Values(1, 9)] int count)
    {
        double[] gram = Gram(size, 2 * size), x = TransposedProductTests.Draw(7, count * size), rows = new double[count * size];
        for (int r = 0; r < count; r++)
        {
            for (int i = 0; i < size; i++)
            {
                for (int j = 0; j < size; j++) rows[(r * size) + i] += gram[(i * size) + j] * x[(r * size) + j];
            }
        }

        var factors = new Cholesky(gram, size);
        Assert.That(factors.BadPivot, Is.Null);
        factors.Solve(rows, count);

        // Backward stable: the error is that of a relative change of n ε in G, times its condition number, which is below 100 for twice as many vectors.
        Assert.That(rows, Is.EqualTo(x).Within(100 * size * 1e-15 * 4));
    }

    [TestCase(5, 4)]
    [TestCase(70, 69)]
    [TestCase(130, 65)]
    public void Too_few_vectors_have_a_pivot_that_is_rounding(int size, int vectors)
    {
        int? pivot = new Cholesky(Gram(size, vectors), size).BadPivot;
        Assert.That(pivot, Is.EqualTo(vectors), "so many columns are independent");
    }

    [Test]
    public void What_is_no_number_or_negative_is_no_pivot([Values(double.NaN, -1, 0)] double value)
    {
        double[] matrix = [1, 0, 0, value];
        Assert.That(new Cholesky(matrix, 2).BadPivot, Is.EqualTo(1));
    }

    private static double[] Gram(int size, int vectors)
    {
        double[] a = TransposedProductTests.Draw(5, vectors * size), gram = new double[size * size];
        for (int i = 0; i < size; i++)
        {
            for (int j = 0; j < size; j++)
            {
                for (int t = 0; t < vectors; t++) gram[(i * size) + j] += a[(t * size) + i] * a[(t * size) + j];
            }
        }

        return gram;
    }
}
