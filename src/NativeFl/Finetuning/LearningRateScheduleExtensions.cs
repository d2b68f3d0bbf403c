namespace NativeFl.Finetuning;

/// <summary>Rates by step.</summary>
public static class LearningRateScheduleExtensions
{
    /// <summary>The rate of a step, as Transformers' schedulers give it: step s (from 0) uses λ(s).</summary>
    /// <param name="schedule">The shape.</param>
    /// <param name="peak">The highest rate.</param>
    /// <param name="step">From 0.</param>
    /// <param name="warmup">Steps of linear warm-up: λ(s) = s / warmup.</param>
    /// <param name="total">All steps of the run.</param>
    public static double RateAt(this LearningRateSchedule schedule, double peak, int step, int warmup, int total)
    {
        if (step < warmup) return peak * step / Math.Max(warmup, 1);
        double progress = (double)(step - warmup) / Math.Max(total - warmup, 1);
        return schedule switch
        {
            LearningRateSchedule.Constant => peak,
            LearningRateSchedule.Linear => peak * Math.Max(0, 1 - progress),
            LearningRateSchedule.Cosine => peak * 0.5 * (1 + Math.Cos(Math.PI * Math.Min(progress, 1))),
            _ => throw new ArgumentOutOfRangeException(nameof(schedule)),
        };
    }
}
