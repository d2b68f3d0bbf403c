using NativeFl.LayerDropping;
using NativeFl.Tensors;

namespace NativeFl.Tests.LayerDropping;

/// <summary>C += Aᵀ B against plain loops, bit for bit: one rounding a product, in order.</summary>
public sealed class TransposedProductTests
{
    [Test]
    public void It_is_the_plain_loop_bit_for_bit([Values(1, 7, 64)] int count, [Values(1, 5, 32, 67)] int rows, [Values(1, 9, 32, 131)] int columns)
    {
        double[] a = Draw(1, count * rows), b = Draw(2, count * columns), sums = Draw(3, rows * columns), expected = [.. sums];
        for (int i = 0; i < rows; i++)
        {
            for (int j = 0; j < columns; j++)
            {
                for (int t = 0; t < count; t++)
                    expected[(i * columns) + j] = Math.FusedMultiplyAdd(a[(t * rows) + i], b[(t * columns) + j], expected[(i * columns) + j]);
            }
        }

        TransposedProduct.Add(a, b, count, rows, columns, sums);
        Assert.That(sums, Is.EqualTo(expected));
    }

    [Test]
    public void The_upper_triangle_alone_is_that_of_the_whole([Values(1, 31, 70)] int size)
    {
        const int Count = 13;
        double[] a = Draw(4, Count * size), whole = new double[size * size], upper = new double[size * size];
        TransposedProduct.Add(a, a, Count, size, size, whole);
        TransposedProduct.Add(a, a, Count, size, size, upper, upper: true);
        for (int i = 0; i < size; i++)
            Assert.That(upper[((i * size) + i)..((i + 1) * size)], Is.EqualTo(whole[((i * size) + i)..((i + 1) * size)]), $"row {i}");
    }

    internal static double[] Draw(ulong seed, int count)
    {
        var draws = new Philox(seed);
        return [.. Enumerable.Range(0, count).Select(_ => draws.NextNormal())];
    }
}
