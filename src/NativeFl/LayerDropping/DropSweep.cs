using System.Globalization;
using NativeFl.Evaluation;
using NativeFl.Finetuning;
using NativeFl.Models;
using NativeFl.Tensors;

namespace NativeFl.LayerDropping;

/// <summary>
/// One model with less and less of it: every choice is measured on a view of the same weights, so that nothing is loaded or copied again.
/// Speeds are taken in rounds over all choices, to and fro, so that a machine that slows down slows them all.
/// </summary>
public sealed class DropSweep
{
    private readonly Transformer _model;
    private readonly IReadOnlyList<DropChoice> _choices;
    private readonly AdapterWeights? _adapter;

    /// <summary>Makes a sweep.</summary>
    /// <param name="model">The model; what it goes without already stays gone.</param>
    /// <param name="choices">What goes each time.</param>
    /// <param name="adapter">An adapter for the model, of which each time the modules count that are left; or null.</param>
    /// <exception cref="InvalidInputException">A choice drops all modules of the adapter.</exception>
    public DropSweep(Transformer model, IReadOnlyList<DropChoice> choices, AdapterWeights? adapter = null)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(choices);
        (_model, _choices, _adapter) = (model, choices, adapter);
        if (adapter is null || adapter.Modules.Count == 0) return;
        foreach (DropChoice choice in choices)
        {
            using Transformer view = model.Without(choice.Dropped);
            if (Left(adapter, view.Config).Modules.Count > 0) continue;
            throw new InvalidInputException(
                "--adapter", string.Create(CultureInfo.InvariantCulture, $"a module that is left with {choice.Steps.Count} dropped"),
                $"only modules of {choice.Dropped}");
        }
    }

    /// <summary>Measures anything of the model without what each choice drops.</summary>
    /// <param name="measure">Given the choice's place, the model without it, and what is left of the adapter.</param>
    public IReadOnlyList<T> Evaluate<T>(Func<int, Transformer, AdapterStack?, T> measure)
    {
        ArgumentNullException.ThrowIfNull(measure);
        return [.. _choices.Select((_, i) => On(i, (model, stack) => measure(i, model, stack)))];
    }

    /// <summary>Measures how fast the model without what each choice drops generates.</summary>
    /// <param name="cases">What is generated.</param>
    /// <param name="rounds">How often each is measured; times of all rounds count.</param>
    /// <param name="onRun">Told how many measurements are done, of how many.</param>
    /// <param name="cancellation">Polled between tokens.</param>
    /// <returns>By choice and case.</returns>
    public IReadOnlyList<IReadOnlyList<DecodeResult>> Decode(
        IReadOnlyList<DecodeOptions> cases, int rounds, Action<int, int>? onRun = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(cases);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(rounds);
        var results = new DecodeResult?[_choices.Count, cases.Count];
        int done = 0, all = rounds * cases.Count * _choices.Count;
        for (int round = 0; round < rounds; round++)
        {
            for (int c = 0; c < cases.Count; c++)
            {
                for (int step = 0; step < _choices.Count; step++)
                {
                    int i = round % 2 == 0 ? step : _choices.Count - 1 - step;
                    DecodeResult result = On(i, (model, stack) => DecodeSpeed.Measure(model, cases[c], stack, cancellation: cancellation));
                    results[i, c] = results[i, c]?.With(result) ?? result;
                    onRun?.Invoke(++done, all);
                }
            }
        }

        return [.. Enumerable.Range(0, _choices.Count).Select(i => cases.Select((_, c) => results[i, c]!).ToArray())];
    }

    private static AdapterWeights Left(AdapterWeights adapter, ModelConfig config)
    {
        HashSet<ModuleId> left = [.. config.Modules()];
        return new AdapterWeights(new SortedDictionary<ModuleId, LoraFactors>(adapter.Modules.Where(m => left.Contains(m.Key)).ToDictionary()));
    }

    private T On<T>(int i, Func<Transformer, AdapterStack?, T> measure)
    {
        using Transformer view = _model.Without(_choices[i].Dropped);
        using AdapterStack? stack = _adapter is null ? null : new AdapterStack(view, [Left(_adapter, view.Config)], trainable: false);
        return measure(view, stack);
    }
}
