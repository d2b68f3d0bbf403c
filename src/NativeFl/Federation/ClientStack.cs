using NativeFl.Data;
using NativeFl.Finetuning;
using NativeFl.Models;
using NativeFl.Tensors;

namespace NativeFl.Federation;

/// <summary>
/// The changes of a round's clients as one stack over the base, measured on validation examples under any weights: by masks, nothing is
/// trained again. A coalition is a mixture of the stack; mixtures that come to the same weights are measured once.
/// </summary>
public sealed class ClientStack : IDisposable
{
    private const int LeastAtOnce = 64;

    private readonly Transformer _model;
    private readonly int _maxRows;
    private readonly AdapterStack _stack;
    private readonly MixtureScorer _scorer;
    private readonly int[] _counted;
    private readonly Dictionary<StackMixture, double[]> _measured = [];

    /// <summary>Lays the changes out.</summary>
    /// <param name="model">The base of the round's beginning; it is not changed.</param>
    /// <param name="changes">What the clients changed.</param>
    /// <param name="validation">What v is measured on.</param>
    /// <param name="maxRows">Token rows of a pass; nothing but rounding depends on it.</param>
    /// <exception cref="InvalidInputException">A change does not fit the model, or there is nothing to measure.</exception>
    public ClientStack(Transformer model, ClientChanges changes, IReadOnlyList<TokenizedExample> validation, int maxRows = 2048)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(changes);
        ArgumentNullException.ThrowIfNull(validation);
        _counted = [.. validation.Select(e => TokenBatch.CountTargets(e.Labels, e.Starts))];
        if (_counted.All(count => count == 0)) throw new InvalidInputException("validation", "at least one token to score", "none");
        (_model, Changes, Validation, _maxRows) = (model, changes, validation, maxRows);
        _stack = new AdapterStack(model, Adapters(changes), trainable: false);
        _scorer = new MixtureScorer(model, _stack, maxRows);
        Operations = new PassOperations(model.Config);
        AtOnce = Math.Max(LeastAtOnce, maxRows / Math.Max(1, validation.Sum(e => e.InputIds.Length)));
    }

    /// <summary>What the clients changed.</summary>
    public ClientChanges Changes { get; }

    /// <summary>What v is measured on.</summary>
    public IReadOnlyList<TokenizedExample> Validation { get; }

    /// <summary>How many coalitions are measured in one go: enough for their last pass, which may be part empty, not to count.</summary>
    public int AtOnce { get; }

    /// <summary>Passes over the validation examples so far, each under weights that had not been measured.</summary>
    public int Evaluations { get; private set; }

    /// <summary>Floating-point operations of all that was measured here.</summary>
    public double OperationsUsed { get; private set; }

    internal PassOperations Operations { get; }

    /// <summary>Counted tokens by example.</summary>
    internal IReadOnlyList<int> Counted => _counted;

    /// <summary>By mixture and example, Σ −log p of the counted tokens.</summary>
    internal IReadOnlyList<double[]> Losses(IReadOnlyList<StackMixture> mixtures, CancellationToken cancellation)
    {
        StackMixture[] open = [.. mixtures.Distinct().Where(mixture => !_measured.ContainsKey(mixture))];
        double[][] losses = open.Length == 0 ? [] : _scorer.Losses(open, Validation, cancellation);
        for (int i = 0; i < open.Length; i++) _measured.Add(open[i], losses[i]);
        Evaluations += open.Length;
        OperationsUsed += open.Sum(mixture => Operations.Forward(Validation, ActiveValues(mixture)));
        double[][] all = [.. mixtures.Select(mixture => _measured[mixture])];

        // What came to nothing may be tried again.
        foreach (StackMixture mixture in open.Where((_, i) => !losses[i].All(double.IsFinite))) _measured.Remove(mixture);
        return all;
    }

    /// <summary>A mixture by what every client weighs on a module; what lies beside the base counts in full.</summary>
    /// <param name="weightOf">The weight of a player on a module; players that changed nothing are not asked.</param>
    internal StackMixture Mixture(Func<int, ModuleId, double> weightOf)
    {
        bool isUniform = Changes.Renormalization == Renormalization.None;
        float[] Row(ModuleId module) =>
        [
            .. Enumerable.Range(0, Changes.Ids.Count).Select(k => Changes.HasChanged(k) && (isUniform || Changes.Changes[k].Modules.ContainsKey(module)) ? (float)weightOf(k, module) : 0),
            .. Changes.Beside.Select(_ => 1f),
        ];
        if (isUniform) return new StackMixture(Row(default));
        var rows = new float[_model.Config.LayerCount * ModuleId.ProjectionCount][];
        Array.Fill(rows, []);
        foreach (StackModule module in _stack.Modules) rows[module.Id.Index] = Row(module.Id);
        return new StackMixture(rows);
    }

    /// <summary>
    /// By block of validation examples, module and player, w_k ∂(Σ −log p)/∂w_k at a mixture: one forward and one backward pass.
    /// </summary>
    internal IReadOnlyList<IReadOnlyDictionary<ModuleId, double[]>> Slopes(
        StackMixture at, IReadOnlyList<IReadOnlyList<TokenizedExample>> blocks, CancellationToken cancellation)
    {
        using var trainable = new AdapterStack(_model, Adapters(Changes), trainable: true);
        using var slope = new MixtureSlope(_model, trainable, at);
        OperationsUsed += Operations.Training(Validation, ActiveValues(at));
        return [.. blocks.Select(block => slope.Of(block, _maxRows, cancellation))];
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _scorer.Dispose();
        _stack.Dispose();
    }

    private static AdapterWeights[] Adapters(ClientChanges changes) => [.. changes.Changes, .. changes.Beside];

    /// <summary>Σ r (in + out) of what a mixture does not skip.</summary>
    private long ActiveValues(StackMixture mixture)
    {
        long values = 0;
        foreach (StackModule module in _stack.Modules)
        {
            ReadOnlySpan<float> weights = mixture.Of(module.Id);
            for (int k = 0; k < weights.Length; k++)
                values += weights[k] == 0 ? 0 : (long)module.Segments[k].Rank * (module.InFeatures + module.OutFeatures);
        }

        return values;
    }
}
