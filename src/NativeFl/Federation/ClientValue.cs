namespace NativeFl.Federation;

/// <summary>What one client's change is worth in one game, in nats a validation token; above 0 it helps.</summary>
/// <param name="Id">The client.</param>
/// <param name="Weight">p_k in the round.</param>
/// <param name="Value">Shapley's value, or the estimate of it; NaN where nothing finite was measured.</param>
public sealed record ClientValue(int Id, double Weight, double Value)
{
    /// <summary>
    /// The standard error: of the validation examples, which are a sample too, and of the coalitions where those were sampled, added in squares;
    /// null if it cannot be told, as for first-order values of the renormalised game.
    /// </summary>
    public double? StandardError { get; init; }

    /// <summary>The part of it that is due to coalitions being sampled; 0 where all were measured.</summary>
    public double? SamplingError { get; init; }

    /// <summary>v(all) − v(all but this client); null where it was not measured.</summary>
    public double? LeaveOneOut { get; init; }

    /// <summary>Its standard error over the validation examples.</summary>
    public double? LeaveOneOutError { get; init; }
}
