using NativeFl.Tensors;

namespace NativeFl.Valuation;

/// <summary>v(S) = 1 where the members' weights reach a quota, else 0 (Shapley and Shubik 1954).</summary>
/// <param name="weights">By player.</param>
/// <param name="quota">What wins.</param>
public sealed class VotingGame(ReadOnlyMemory<int> weights, long quota) : IDeviceGame
{
    /// <inheritdoc/>
    public int Players => weights.Length;

    /// <inheritdoc/>
    public double Value(Coalition coalition)
    {
        ArgumentNullException.ThrowIfNull(coalition);
        return coalition.Members.Sum(player => (long)weights.Span[player]) >= quota ? 1 : 0;
    }

    /// <inheritdoc/>
    public void Walk(Backend backend, PlayerOrders orders, TensorView partials, TensorView moments)
    {
        ArgumentNullException.ThrowIfNull(backend);
        using DeviceOperand operand = DeviceOperand.Of(backend, weights.Span, Players, 1);
        backend.ShapleyVoting(operand.View, quota, orders, partials, moments);
    }
}
