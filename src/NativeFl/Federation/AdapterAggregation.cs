using NativeFl.Models;
using NativeFl.Tensors;

namespace NativeFl.Federation;

/// <summary>One aggregation of adapters that were trained anywhere.</summary>
public sealed class AdapterAggregation
{
    private readonly IReadOnlyList<ClientContribution> _clients;
    private readonly Renormalization _renormalization;
    private readonly Aggregation _aggregation;

    /// <summary>Aggregates.</summary>
    /// <param name="method">How.</param>
    /// <param name="adapters">On the same base.</param>
    /// <param name="weights">One an adapter, such as numbers of examples; normalised here.</param>
    /// <param name="renormalization">Over whom the weights of a module sum to one.</param>
    /// <exception cref="InvalidInputException">Weights, values or ranks are wrong.</exception>
    public AdapterAggregation(
        IAggregationMethod method, IReadOnlyList<AdapterWeights> adapters, IReadOnlyList<double> weights,
        Renormalization renormalization = Renormalization.None)
    {
        ArgumentNullException.ThrowIfNull(method);
        var contributions = Contributions.Of(adapters, weights, renormalization);
        _clients = [.. adapters.Select((a, k) => new ClientContribution(k, weights[k], a))];
        _renormalization = renormalization;
        _aggregation = method.Aggregate(contributions, new ServerState());
    }

    /// <summary>The result as one adapter of scaling 1, weights folded into A: rank R = Σ r_k where the method is exact.</summary>
    public AdapterWeights Product => _aggregation.Product;

    /// <summary>‖ΔW − Σ p_k s_k B_kᵀ A_k‖ / ‖Σ …‖, see <see cref="ExactnessCheck"/>.</summary>
    public double Exactness(Backend backend) => ExactnessCheck.Measure(backend, [Product], _clients, _renormalization);

    /// <summary>Adds the result to the base.</summary>
    /// <param name="model">Changed.</param>
    /// <param name="storage">The type that the checkpoint will have.</param>
    /// <returns>The rounding, see <see cref="AdapterMerge"/>.</returns>
    public double MergeInto(Transformer model, DType storage) => AdapterMerge.Into(model, Product, storage);
}
