using NativeFl.Tensors;

namespace NativeFl.Valuation;

/// <summary>
/// What training records are worth to a classifier by nearest neighbours: v(S) = the mean over validation points of 1/K · how many of the K
/// nearest records of S, all of S where it has fewer, are of the point's class (Jia et al. 2019, arXiv:1908.08619, equation 5). Of two records
/// at the same distance the one with the lower number is nearer.
/// </summary>
public sealed class NeighbourGame : IDeviceGame
{
    private readonly int[] _keys; // (n, T): twice the rank by distance, plus 1 where the classes agree
    private readonly int _points, _neighbours;

    /// <summary>From embeddings, by Euclidean distance.</summary>
    /// <param name="records">(n, width).</param>
    /// <param name="classes">(n).</param>
    /// <param name="points">(T, width).</param>
    /// <param name="pointClasses">(T).</param>
    /// <param name="neighbours">K, 1 to 16.</param>
    public NeighbourGame(ReadOnlySpan<float> records, ReadOnlySpan<int> classes, ReadOnlySpan<float> points, ReadOnlySpan<int> pointClasses, int neighbours)
    {
        int width = classes.Length == 0 ? 0 : records.Length / classes.Length;
        if (width == 0 || records.Length != width * classes.Length || pointClasses.Length == 0 || points.Length != width * pointClasses.Length)
        {
            throw new ArgumentException(
                $"points: expected records and points of one width, got {records.Length} numbers of {classes.Length} records and {points.Length} of {pointClasses.Length} points", nameof(points));
        }

        (Players, _points, _neighbours) = (classes.Length, pointClasses.Length, neighbours);
        _keys = new int[Players * _points];
        double[] distances = new double[Players];
        int[] byDistance = new int[Players];
        for (int t = 0; t < _points; t++)
        {
            for (int i = 0; i < Players; i++)
            {
                (distances[i], byDistance[i]) = (0, i);
                for (int c = 0; c < width; c++) distances[i] += Math.Pow((double)records[(i * width) + c] - points[(t * width) + c], 2);
            }

            Array.Sort(byDistance, (a, b) => distances[a] != distances[b] ? distances[a].CompareTo(distances[b]) : a.CompareTo(b));
            for (int rank = 0; rank < Players; rank++)
                _keys[(byDistance[rank] * _points) + t] = (2 * rank) + (classes[byDistance[rank]] == pointClasses[t] ? 1 : 0);
        }
    }

    /// <inheritdoc/>
    public int Players { get; }

    /// <inheritdoc/>
    public double Value(Coalition coalition)
    {
        ArgumentNullException.ThrowIfNull(coalition);
        int[] members = [.. coalition.Members];
        double agreeing = 0;
        for (int t = 0; t < _points; t++) agreeing += members.Select(player => _keys[(player * _points) + t]).Order().Take(_neighbours).Sum(key => key % 2);
        return agreeing / _neighbours / _points;
    }

    /// <inheritdoc/>
    public void Walk(Backend backend, PlayerOrders orders, TensorView partials, TensorView moments)
    {
        ArgumentNullException.ThrowIfNull(backend);
        using DeviceOperand keys = DeviceOperand.Of(backend, _keys, Players, _points);
        backend.ShapleyNeighbours(keys.View, _neighbours, orders, partials, moments);
    }
}
