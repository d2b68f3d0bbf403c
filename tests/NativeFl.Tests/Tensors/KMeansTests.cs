using NativeFl.Tensors;

namespace NativeFl.Tests.Tensors;

internal abstract class KMeansTests : OpTest
{
    // Rows, centres and columns: one, odd, tiles and one more, no multiple of a vector, segments of a cluster's rows, more columns than a block has.
    private static readonly (int Rows, int Clusters, int Columns)[] Shapes =
        [(1, 1, 1), (3, 2, 7), (64, 64, 16), (65, 66, 33), (70, 5, 384), (130, 129, 20), (2100, 3, 5), (9, 2, 1025)];

    [TestCaseSource(nameof(Shapes))]
    public void Every_row_is_given_to_the_nearest_centre((int Rows, int Clusters, int Columns) shape)
    {
        (float[] x, float[] centres) = Inputs(shape);
        (int[] nearest, float[] distances) = Assign(x, centres, shape.Columns);
        double[,] expected = Reference.KMeans.Distances(x.Wide(), centres.Wide(), shape.Columns);
        double tolerance = 2 * Tolerance.For(DType.F32, shape.Columns);
        for (int n = 0; n < shape.Rows; n++)
        {
            double least = Enumerable.Range(0, shape.Clusters).Min(k => expected[n, k]);
            Assert.That(expected[n, nearest[n]], Is.EqualTo(least).Within(tolerance * least), $"row {n}");
            Assert.That(distances[n], Is.EqualTo(expected[n, nearest[n]]).Within(tolerance * least), $"row {n}");
        }
    }

    [TestCaseSource(nameof(Shapes))]
    public void Centres_become_the_means_of_their_rows((int Rows, int Clusters, int Columns) shape)
    {
        (float[] x, float[] centres) = Inputs(shape);
        int[] nearest = Sample.Integers(shape.Rows, shape.Clusters, 3);
        (double[] expected, int[] expectedSizes) = Reference.KMeans.Update(x.Wide(), nearest, centres.Wide(), shape.Columns);
        (float[] means, int[] sizes) = Update(x, nearest, centres, shape.Columns);
        Assert.That(sizes, Is.EqualTo(expectedSizes));
        // Summed in double: what is left is the rounding of the mean.
        Assert.That(means.Zip(expected, (got, mean) => Math.Abs(got - mean) - (Math.ScaleB(1, -24) * Math.Abs(mean))), Is.All.LessThan(1e-12));
    }

    [Test]
    public void Of_equal_centres_the_first_is_nearest([Values(2, 63, 100)] int clusters)
    {
        float[] x = Sample.Normal(70 * 6, 1), centre = Sample.Normal(6, 2);
        (int[] nearest, _) = Assign(x, [.. Enumerable.Repeat(centre, clusters).SelectMany(c => c)], 6);
        Assert.That(nearest, Is.All.Zero);
    }

    [Test]
    public void A_row_that_is_a_centre_is_at_distance_zero_wherever_the_origin_is([Values(0, 1000)] float shift)
    {
        float[] centres = [.. Sample.Normal(80 * 30, 4).Select(value => MathF.Round(value * 64) / 64 + shift)];
        (int[] nearest, float[] distances) = Assign(centres, centres, 30);
        Assert.That(nearest, Is.EqualTo(Enumerable.Range(0, 80)));
        Assert.That(distances, Is.All.Zero);
    }

    [Test]
    public void Moving_everything_by_what_can_be_added_exactly_changes_no_bit()
    {
        float[] x = Grid(90 * 21, 5), centres = Grid(7 * 21, 6);
        (int[] nearest, float[] distances) = Assign(x, centres, 21);
        (int[] moved, float[] same) = Assign([.. x.Select(v => v + 512)], [.. centres.Select(v => v + 512)], 21);
        Assert.That(moved, Is.EqualTo(nearest));
        Assert.That(Agreement.Bits(same), Is.EqualTo(Agreement.Bits(distances)));
    }

    [Test]
    public void Rows_do_not_depend_on_their_neighbours()
    {
        float[] x = Sample.Normal(67 * 40, 7), centres = Sample.Normal(66 * 40, 8);
        (int[] nearest, float[] distances) = Assign(x, centres, 40);
        (int[] alone, float[] distance) = Assign(x[(66 * 40)..], centres, 40);
        Assert.That((alone[0], distance[0]), Is.EqualTo((nearest[66], distances[66])));
    }

    [Test]
    public void A_centre_without_rows_stays()
    {
        float[] centres = [1, 2, 3, 4, 5, 6];
        (float[] means, int[] sizes) = Update([10, 20, 30, 40], [2, 2], centres, 2);
        Assert.That(means, Is.EqualTo(new float[] { 1, 2, 3, 4, 20, 30 }));
        Assert.That(sizes, Is.EqualTo(new[] { 0, 0, 2 }));
    }

    [Test]
    public void No_rows_leave_all_as_it_is()
    {
        TensorView x = Unwritten(2, 3), centres = Upload([1, 2, 3], 1, 3), nearest = UploadIntegers(5, 5), distances = Unwritten(2, 1), sizes = UploadIntegers(9);
        Backend.KMeansAssign(x.Slice(1, 0), centres, nearest.Slice(1, 0), distances.Slice(1, 0));
        Backend.KMeansUpdate(x.Slice(1, 0), nearest.Slice(1, 0), centres, sizes);
        Assert.That(Download<int>(nearest), Is.EqualTo(new[] { 5, 5 }));
        Assert.That(Download(centres), Is.EqualTo(new float[] { 1, 2, 3 }));
        Assert.That(Download<int>(sizes), Is.EqualTo(new[] { 0 }));
    }

    [Test]
    public void The_same_inputs_give_the_same_bits()
    {
        (float[] x, float[] centres) = Inputs((2500, 9, 130));
        (int[] nearest, float[] distances) = Assign(x, centres, 130);
        (float[] means, _) = Update(x, nearest, centres, 130);
        (int[] again, float[] distancesAgain) = Assign(x, centres, 130);
        (float[] meansAgain, _) = Update(x, again, centres, 130);
        Assert.That(again, Is.EqualTo(nearest));
        Assert.That(Agreement.Bits(distancesAgain), Is.EqualTo(Agreement.Bits(distances)));
        Assert.That(Agreement.Bits(meansAgain), Is.EqualTo(Agreement.Bits(means)));
    }

    [Test]
    public void Misshapen_tensors_are_refused()
    {
        TensorView x = Unwritten(4, 8), nearest = New(4, 1, DType.I32), distances = Unwritten(4, 1), centres = Unwritten(2, 8), sizes = New(2, 1, DType.I32);
        Assert.That(
            () => Backend.KMeansAssign(x, Unwritten(2, 9), nearest, distances),
            Throws.ArgumentException.With.Message.Contains("centres: expected F32 (2, 8), got F32 (2, 9)"));
        Assert.That(
            () => Backend.KMeansAssign(x, centres, distances, distances), Throws.ArgumentException.With.Message.Contains("nearest: expected 4 elements of I32"));
        Assert.That(
            () => Backend.KMeansUpdate(x, nearest, centres, nearest), Throws.ArgumentException.With.Message.Contains("sizes: expected 2 elements of I32"));
        Assert.That(
            () => Backend.KMeansUpdate(x, sizes, centres, sizes), Throws.ArgumentException.With.Message.Contains("nearest: expected 4 elements of I32"));
    }

    private static (float[] X, float[] Centres) Inputs((int Rows, int Clusters, int Columns) shape) =>
        (Sample.Normal(shape.Rows * shape.Columns, 1, 3), Sample.Normal(shape.Clusters * shape.Columns, 2, 3));

    // Multiples of 1/64 below 8 in size: with 512 added they are still exact.
    private static float[] Grid(int count, ulong seed) => [.. Sample.Integers(count, 1024, seed).Select(i => (i - 512) / 64f)];

    protected (int[] Nearest, float[] Distances) Assign(float[] x, float[] centres, int columns)
    {
        int rows = x.Length / columns;
        TensorView nearest = New(rows, 1, DType.I32), distances = Unwritten(rows, 1);
        Backend.KMeansAssign(Upload(x, rows, columns), Upload(centres, centres.Length / columns, columns), nearest, distances);
        return (Download<int>(nearest), Download(distances));
    }

    protected (float[] Centres, int[] Sizes) Update(float[] x, int[] nearest, float[] centres, int columns)
    {
        int clusters = centres.Length / columns;
        TensorView means = Upload(centres, clusters, columns), sizes = New(clusters, 1, DType.I32);
        Backend.KMeansUpdate(Upload(x, nearest.Length, columns), UploadIntegers(nearest), means, sizes);
        return (Download(means), Download<int>(sizes));
    }
}
