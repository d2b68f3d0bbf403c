using NativeFl.Tensors;

namespace NativeFl.Valuation;

/// <summary>v(S) = Σ of the members' own worths. Shapley's values are these worths.</summary>
/// <param name="worths">By player.</param>
public sealed class AdditiveGame(ReadOnlyMemory<float> worths) : IDeviceGame
{
    /// <inheritdoc/>
    public int Players => worths.Length;

    /// <inheritdoc/>
    public double Value(Coalition coalition)
    {
        ArgumentNullException.ThrowIfNull(coalition);
        return coalition.Members.Sum(player => (double)worths.Span[player]);
    }

    /// <inheritdoc/>
    public void Walk(Backend backend, PlayerOrders orders, TensorView partials, TensorView moments)
    {
        ArgumentNullException.ThrowIfNull(backend);
        using DeviceOperand gains = DeviceOperand.Of(backend, worths.Span, Players, 1);
        backend.ShapleyQuadratic(gains.View, default, orders, partials, moments);
    }
}
