using NativeFl.Tensors;

namespace NativeFl.Valuation;

/// <summary>
/// v(S) = Σ gains − ½ |Σ rows|². Such is what one step of gradient descent along Σ_S g_i wins on a validation loss, to second order: gains
/// η g_i · g_v, rows η H^½ g_i, with g_v the gradient of that loss and H its curvature (<see cref="OfGradients"/>). Shapley's value is
/// gains[i] − ½ rows[i] · Σ rows, for no third player has a say in what two do to each other.
/// </summary>
public sealed class QuadraticGame : IDeviceGame
{
    private readonly ReadOnlyMemory<float> _gains, _rows;
    private readonly int _width;

    /// <summary>From gains and rows.</summary>
    /// <param name="gains">(n).</param>
    /// <param name="rows">(n, width).</param>
    public QuadraticGame(ReadOnlyMemory<float> gains, ReadOnlyMemory<float> rows)
    {
        if (gains.Length == 0 || rows.Length % gains.Length != 0)
            throw new ArgumentException($"rows: expected the same number for each of {gains.Length} players, got {rows.Length} in all", nameof(rows));
        (_gains, _rows, _width) = (gains, rows, rows.Length / gains.Length);
    }

    /// <inheritdoc/>
    public int Players => _gains.Length;

    /// <summary>What a step of gradient descent wins, a player being whose gradient goes into it.</summary>
    /// <param name="gradients">(n, d): by player.</param>
    /// <param name="validation">(d): of the loss that is to fall.</param>
    /// <param name="learningRate">η.</param>
    /// <param name="curvature">(d): H's diagonal, ≥ 0; empty = the identity.</param>
    public static QuadraticGame OfGradients(
        ReadOnlySpan<float> gradients, ReadOnlySpan<float> validation, double learningRate, ReadOnlySpan<float> curvature = default)
    {
        int width = validation.Length, players = width == 0 ? 0 : gradients.Length / width;
        if (players == 0 || players * width != gradients.Length)
            throw new ArgumentException($"gradients: expected rows of {width}, got {gradients.Length} numbers", nameof(gradients));
        if (curvature.Length != 0 && curvature.Length != width)
            throw new ArgumentException($"curvature: expected {width} numbers or none, got {curvature.Length}", nameof(curvature));
        float[] gains = new float[players], rows = new float[gradients.Length];
        for (int i = 0; i < players; i++)
        {
            double product = 0;
            for (int c = 0; c < width; c++)
            {
                double gradient = gradients[(i * width) + c];
                product += gradient * validation[c];
                rows[(i * width) + c] = (float)(learningRate * gradient * (curvature.Length == 0 ? 1 : Math.Sqrt(curvature[c])));
            }

            gains[i] = (float)(learningRate * product);
        }

        return new QuadraticGame(gains, rows);
    }

    /// <inheritdoc/>
    public double Value(Coalition coalition)
    {
        ArgumentNullException.ThrowIfNull(coalition);
        double value = 0;
        var sum = new double[_width];
        foreach (int player in coalition.Members)
        {
            value += _gains.Span[player];
            ReadOnlySpan<float> row = _rows.Span.Slice(player * _width, _width);
            for (int c = 0; c < row.Length; c++) sum[c] += row[c];
        }

        return value - (0.5 * sum.Sum(entry => entry * entry));
    }

    /// <inheritdoc/>
    /// <remarks>From the rows, or where they are longer than there are players from their products, which are made first.</remarks>
    public void Walk(Backend backend, PlayerOrders orders, TensorView partials, TensorView moments)
    {
        ArgumentNullException.ThrowIfNull(backend);
        using DeviceOperand gains = DeviceOperand.Of(backend, _gains.Span, Players, 1);
        if (_width == 0)
        {
            backend.ShapleyQuadratic(gains.View, default, orders, partials, moments);
            return;
        }

        using DeviceOperand rows = DeviceOperand.Of(backend, _rows.Span, Players, _width);
        if (_width <= Players)
        {
            backend.ShapleyQuadratic(gains.View, rows.View, orders, partials, moments);
            return;
        }

        using DeviceOperand gram = DeviceOperand.Empty(backend, Players, Players, DType.F32);
        backend.MatMul(rows.View, false, rows.View, true, false, gram.View);
        backend.ShapleyGram(gains.View, gram.View, orders, partials, moments);
    }
}
