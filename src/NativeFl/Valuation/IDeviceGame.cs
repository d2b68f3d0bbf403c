using NativeFl.Tensors;

namespace NativeFl.Valuation;

/// <summary>
/// A game whose v a device computes itself, so that a marginal costs nanoseconds and not a fine-tuning: for games that stand for a costly one,
/// such as gradients for a training, and for trying estimators where the truth is known.
/// </summary>
public interface IDeviceGame
{
    /// <summary>Players of the game, at most 4,096.</summary>
    int Players { get; }

    /// <summary>v(S) by its definition, in double.</summary>
    double Value(Coalition coalition);

    /// <summary>Enqueues the op of <see cref="Backend"/> that walks along the orders and leaves the moments of their marginals.</summary>
    void Walk(Backend backend, PlayerOrders orders, TensorView partials, TensorView moments);
}
