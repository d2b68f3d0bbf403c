using NativeFl.Tensors;

namespace NativeFl.Tests.Tensors;

public sealed class CrossEntropyTests
{
    private static readonly (int Rows, int Vocabulary)[] Shapes = [(1, 1), (3, 7), (16, 64), (5, 100), (4, 1025), (6, 32000)];

    [TestCaseSource(nameof(Shapes))]
    public void Loss_and_gradient_match_reference((int Rows, int Vocabulary) shape)
    {
        Case c = Case.Make(shape.Rows, shape.Vocabulary, 2);
        using var arena = new OpArena();
        (float[] losses, float[] gradient) = Run(arena, c, withGradient: true);
        double bound = Tolerance.For(DType.F32, shape.Vocabulary);
        Agreement.Close(losses, Reference.CrossEntropy.Forward(c.Logits.Wide(), c.Labels), bound, "losses");
        Agreement.Close(gradient, Reference.CrossEntropy.Backward(c.Logits.Wide(), c.Labels, c.Weights.Wide()), bound, "gradient");
    }

    [Test]
    public void Reference_backward_matches_finite_differences()
    {
        Case c = Case.Make(3, 6, 1);
        double[] logits = c.Logits.Wide(), weights = c.Weights.Wide();
        double[] Output() => Reference.CrossEntropy.Forward(logits, c.Labels);
        Agreement.CloseToDifferences(Reference.CrossEntropy.Backward(logits, c.Labels, weights), Reference.FiniteDifference.Gradient(logits, weights, Output));
    }

    [Test]
    public void Without_gradient_the_logits_stay_and_the_losses_are_the_same()
    {
        Case c = Case.Make(5, 77, 2);
        using var arena = new OpArena();
        (float[] losses, float[] logits) = Run(arena, c, withGradient: false);
        Assert.That(logits, Is.EqualTo(c.Logits));
        Assert.That(losses, Is.EqualTo(Run(arena, c, withGradient: true).Losses));
    }

    [Test]
    public void A_row_of_weight_zero_has_no_gradient_even_if_it_is_NaN()
    {
        Case c = Case.Make(3, 40, 1);
        c.Weights[1] = 0;
        Array.Fill(c.Logits, float.NaN, 40, 40);
        using var arena = new OpArena();
        (float[] losses, float[] gradient) = Run(arena, c, withGradient: true);
        Assert.Multiple(() =>
        {
            Assert.That(gradient[40..80], Is.All.Zero);
            Assert.That(gradient[..40], Has.All.Not.NaN);
            Assert.That(losses[1], Is.NaN);
            Assert.That(losses[2], Is.Not.NaN);
        });
    }

    [TestCase(0)]
    [TestCase(1)]
    [TestCase(2)]
    public void A_NaN_logit_makes_the_loss_NaN(int at)
    {
        float[] logits = [1, 2, 3];
        logits[at] = float.NaN;
        using var arena = new OpArena();
        (float[] losses, _) = Run(arena, new Case(logits, [1], [1]), withGradient: false);
        Assert.That(losses[0], Is.NaN);
    }

    [Test]
    public void Small_losses_and_their_gradients_keep_their_digits()
    {
        // The label leads by 12 … 60: 1 − p is below f32's resolution of 1, and is the whole gradient.
        double percent = 100 * Tolerance.For(DType.F32, 1);
        foreach (float lead in new[] { 12f, 25f, 60f })
        {
            float[] logits = new float[100];
            logits[7] = lead;
            using var arena = new OpArena();
            (float[] losses, float[] gradient) = Run(arena, new Case(logits, [7], [1]), withGradient: true);
            double others = 99 * Math.Exp(-lead), expected = others > 1e-9 ? Math.Log(1 + others) : others;
            Assert.That(losses[0], Is.EqualTo(expected).Within(percent).Percent);
            Assert.That(gradient[7], Is.EqualTo(-others / (1 + others)).Within(percent).Percent);
        }
    }

    [Test]
    public void A_hopeless_label_has_a_finite_loss()
    {
        using var arena = new OpArena();
        (float[] losses, float[] gradient) = Run(arena, new Case([500, -500, 0], [1], [1]), withGradient: true);
        Assert.That(losses[0], Is.EqualTo(1000f));
        Assert.That(gradient, Is.EqualTo(new float[] { 1, -1, 0 }));
    }

    [Test]
    public void Results_do_not_depend_on_the_number_of_threads()
    {
        Case c = Case.Make(70, 900, 3);
        Agreement.SameBitsOnAnyThreads(arena =>
        {
            (float[] losses, float[] gradient) = Run(arena, c, withGradient: true);
            return [.. losses, .. gradient];
        });
    }

    [TestCase(-100)]
    [TestCase(3)]
    public void A_label_outside_the_vocabulary_is_refused(int label)
    {
        using var arena = new OpArena();
        Assert.That(() => Run(arena, new Case([1, 2, 3], [label], [1]), withGradient: true), Throws.ArgumentException.With.Message.Contains("labels[0]: expected 0 .. 2"));
    }

    private static (float[] Losses, float[] Logits) Run(OpArena arena, Case c, bool withGradient)
    {
        int rows = c.Labels.Length;
        TensorView logits = arena.Floats(c.Logits, rows, c.Logits.Length / rows), losses = arena.Unwritten(rows);
        arena.Backend.CrossEntropy(arena.Integers(c.Labels), withGradient ? arena.Floats(c.Weights, rows, 1) : default, withGradient, logits, losses);
        return (arena.Read(losses), arena.Read(logits));
    }

    private sealed record Case(float[] Logits, int[] Labels, float[] Weights)
    {
        public static Case Make(int rows, int vocabulary, double scale) =>
            new(Sample.Normal(rows * vocabulary, 1, scale), Sample.Integers(rows, vocabulary, 2), Sample.Normal(rows, 3));
    }
}
