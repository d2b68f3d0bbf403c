using NativeFl.Finetuning;
using NativeFl.Tensors;

namespace NativeFl.Tests.Finetuning;

public sealed class LearningRateScheduleTests
{
    // Transformers' get_linear_schedule_with_warmup and get_cosine_schedule_with_warmup, 2 warm-up steps of 6, by hand.
    [TestCase(LearningRateSchedule.Constant, new[] { 0, 0.5, 1, 1, 1, 1 })]
    [TestCase(LearningRateSchedule.Linear, new[] { 0, 0.5, 1, 0.75, 0.5, 0.25 })]
    [TestCase(LearningRateSchedule.Cosine, new[] { 0, 0.5, 1, 0.8535533905932737, 0.5, 0.14644660940672627 })]
    public void Rates_are_those_of_Transformers(LearningRateSchedule schedule, double[] expected)
    {
        double[] rates = [.. Enumerable.Range(0, 6).Select(step => schedule.RateAt(2, step, 2, 6) / 2)];
        Assert.That(rates, Is.EqualTo(expected).Within(1e-15));
    }

    [TestCase(10, 4, 1, 1.0, 3)]
    [TestCase(10, 4, 2, 1.0, 2)]
    [TestCase(10, 4, 2, 1.5, 3)]
    [TestCase(3, 8, 1, 2.0, 2)]
    [TestCase(3, int.MaxValue, 1, 2.0, 2)]
    [TestCase(3, 8, int.MaxValue, 2147483647.0, int.MaxValue)]
    public void Epochs_are_whole_steps(int examples, int batch, int accumulation, double epochs, int steps) =>
        Assert.That(new TrainingOptions { BatchSize = batch, GradientAccumulation = accumulation, Epochs = epochs }.StepsFor(examples), Is.EqualTo(steps));

    [TestCase(2147483648.0)]
    [TestCase(1e300)]
    [TestCase(double.PositiveInfinity)]
    [TestCase(double.NaN)]
    public void More_steps_than_can_be_counted_are_refused(double epochs) => Assert.That(
        () => new TrainingOptions { Epochs = epochs }.StepsFor(3, "--local-epochs"),
        Throws.TypeOf<InvalidInputException>().With.Message.StartsWith("--local-epochs: expected epochs that make at most 2147483647 steps"));
}
