using NativeFl.Tensors;
using NativeFl.Tensors.Cpu;

namespace NativeFl.Tests.Tensors;

internal sealed class CpuCrossEntropyTests : CrossEntropyTests
{
    protected override Backend Open() => new CpuBackend(new CpuBackendOptions { Threads = 2 });

    [Test]
    public void Reference_backward_matches_finite_differences()
    {
        Case c = Case.Make(3, 6, 1);
        double[] logits = c.Logits.Wide(), weights = c.Weights.Wide();
        double[] Output() => Reference.CrossEntropy.Forward(logits, c.Labels);
        Agreement.CloseToDifferences(Reference.CrossEntropy.Backward(logits, c.Labels, weights), Reference.FiniteDifference.Gradient(logits, weights, Output));
    }

    [Test]
    public void Results_do_not_depend_on_the_number_of_threads()
    {
        Case c = Case.Make(70, 900, 3);
        SameBitsOnAnyThreads(() =>
        {
            (float[] losses, float[] gradient) = Run(c, withGradient: true);
            return [.. losses, .. gradient];
        });
    }

    [TestCase(-100)]
    [TestCase(3)]
    public void A_label_outside_the_vocabulary_is_refused(int label) => Assert.That(
        () => Run(new Case([1, 2, 3], [label], [1]), withGradient: true), Throws.ArgumentException.With.Message.Contains("labels[0]: expected 0 .. 2"));
}
