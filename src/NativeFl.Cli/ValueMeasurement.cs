using System.Diagnostics;
using System.Globalization;
using NativeFl.Cli.Flags;
using NativeFl.DataRefinement;
using NativeFl.Valuation;

namespace NativeFl.Cli;

/// <summary>Measures the coalitions that a plan asks for, stores every batch, and says how it goes.</summary>
internal sealed class ValueMeasurement(VerbRun run, ValuePlan plan, FineTuningGame game, ValueOutput output)
{
    private readonly long _start = Stopwatch.GetTimestamp();
    private long _tokens, _planned;

    /// <summary>Fine-tunings made here.</summary>
    public int FineTunings { get; private set; }

    /// <summary>Tokens that they were trained on.</summary>
    public long Tokens => _tokens;

    /// <summary>Seconds since the start.</summary>
    public double Seconds => Math.Round(Stopwatch.GetElapsedTime(_start).TotalSeconds, 3);

    /// <summary>Measures, within the budget.</summary>
    /// <returns>The estimator, which has all it wants.</returns>
    public IValueEstimator Measure()
    {
        using var bar = new ProgressBar(run, "value");
        CoalitionValues values = output.Values;
        IValueEstimator? estimator = plan.Budget is { } budget ? plan.Make(run, budget) : null;
        _planned = estimator is null ? 0 : Planned(estimator, values);
        var valuer = new Valuer(game, values, batch => Store(batch, bar));
        if (estimator is not null)
        {
            valuer.Measure(estimator, stop: null, cancellation: run.Cancellation);
        }
        else
        {
            var timed = new TimedValuation(plan.Kind, plan.Groups.Count, run.Get(RefineValueFlags.Tolerance), run.Seed, coalition => Cost(coalition));
            estimator = timed.Measure(valuer, values, run.Get(RefineValueFlags.BudgetSeconds)!.Value, () => run.Clock.Seconds, run.Cancellation);
            bar.Wipe();
            run.Note(string.Create(
                CultureInfo.InvariantCulture, $"{run.Clock.Seconds:0.0} seconds and {valuer.FineTunings} fine-tunings used; values of a budget of {estimator.FineTunings}"));
        }

        return estimator;
    }

    /// <summary>Training makes three passes over its tokens, scoring one over the validation's.</summary>
    private double Cost(Coalition coalition) => (3.0 * game.TokensOf(coalition)) + game.ValidationTokens;

    private long Planned(IValueEstimator estimator, CoalitionValues values) => estimator is TruncatedShapley
        ? estimator.FineTunings * game.TokensOf(Coalition.All(plan.Groups.Count)) / 2
        : Valuer.Wanted(estimator, values).Sum(game.TokensOf);

    private void Store(IReadOnlyList<KeyValuePair<Coalition, double?>> batch, ProgressBar bar)
    {
        output.Append(batch);
        bool isFirst = _tokens == 0;
        int made = batch.Count(v => v.Key.Count > 0);
        FineTunings += made;
        _tokens += batch.Sum(v => game.TokensOf(v.Key));
        foreach ((Coalition coalition, _) in batch.Where(v => v.Value is null))
        {
            bar.Wipe();
            run.Warn($"the fine-tuning on players {string.Join(',', coalition.Members)} came to nothing finite, twice: it is left out");
        }

        if (isFirst && made > 0 && _planned > 0)
        {
            bar.Wipe();
            run.Note(string.Create(
                CultureInfo.InvariantCulture,
                $"first batch: {made} fine-tunings in {Seconds:0.0} s; about {Figures.Duration(TimeSpan.FromSeconds(Seconds * Math.Max(0, _planned - _tokens) / Math.Max(1, _tokens)))} for the rest"));
        }

        if (plan.Budget is not null) bar.Report(_tokens, Math.Max(_planned, _tokens), _tokens, $"{FineTunings} fine-tunings");
        else bar.Report((long)(1000 * Seconds), (long)(1000 * run.Get(RefineValueFlags.BudgetSeconds)!.Value), _tokens, $"{FineTunings} fine-tunings");
    }
}
