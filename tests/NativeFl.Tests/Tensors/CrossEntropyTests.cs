using NativeFl.Tensors;

namespace NativeFl.Tests.Tensors;

internal abstract class CrossEntropyTests : OpTest
{
    // 1025 and 32003 put the rows at every alignment.
    private static readonly (int Rows, int Vocabulary)[] Shapes = [(1, 1), (3, 7), (16, 64), (5, 100), (4, 1025), (2, 32000), (3, 32003)];

    [TestCaseSource(nameof(Shapes))]
    public void Loss_and_gradient_match_reference((int Rows, int Vocabulary) shape)
    {
        Case c = Case.Make(shape.Rows, shape.Vocabulary, 2);
        (float[] losses, float[] gradient) = Run(c, withGradient: true);
        double bound = Tolerance.For(DType.F32, shape.Vocabulary);
        Agreement.Close(losses, Reference.CrossEntropy.Forward(c.Logits.Wide(), c.Labels), bound, "losses");
        Agreement.Close(gradient, Reference.CrossEntropy.Backward(c.Logits.Wide(), c.Labels, c.Weights.Wide()), bound, "gradient");
    }

    [Test]
    public void A_gradient_of_its_own_is_the_other_one_rounded([ValueSource(nameof(Shapes))] (int Rows, int Vocabulary) shape, [Values(DType.F32, DType.BF16)] DType type)
    {
        Case c = Case.Make(shape.Rows, shape.Vocabulary, 2);
        (float[] losses, float[] gradient) = Run(c, withGradient: true);
        TensorView own = Unwritten(shape.Rows, shape.Vocabulary, type), sums = Unwritten(shape.Rows, 1);
        Backend.CrossEntropy(UploadIntegers(c.Labels), Upload(c.Weights, shape.Rows, 1), Upload(c.Logits, shape.Rows, shape.Vocabulary), sums, own);
        Assert.That(Download(sums), Is.EqualTo(losses));
        Assert.That(Download(own), Is.EqualTo(Stored(gradient, type)));
    }

    [Test]
    public void Without_gradient_the_logits_stay_and_the_losses_are_the_same()
    {
        Case c = Case.Make(5, 77, 2);
        (float[] losses, float[] logits) = Run(c, withGradient: false);
        Assert.That(logits, Is.EqualTo(c.Logits));
        Assert.That(losses, Is.EqualTo(Run(c, withGradient: true).Losses));
    }

    [Test]
    public void A_row_of_weight_zero_has_no_gradient_even_if_it_is_NaN()
    {
        Case c = Case.Make(3, 40, 1);
        c.Weights[1] = 0;
        Array.Fill(c.Logits, float.NaN, 40, 40);
        (float[] losses, float[] gradient) = Run(c, withGradient: true);
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
        Assert.That(Run(new Case(logits, [1], [1]), withGradient: false).Losses[0], Is.NaN);
    }

    [Test]
    public void Logits_of_minus_infinity_take_no_part()
    {
        float[] logits = [.. Enumerable.Repeat(float.NegativeInfinity, 70), 1, 2, 3, float.NegativeInfinity];
        (float[] losses, float[] gradient) = Run(new Case(logits, [71], [1]), withGradient: true);
        Agreement.Close(losses, Reference.CrossEntropy.Forward([1, 2, 3], [1]), Tolerance.For(DType.F32, 3));
        Agreement.Close(gradient[70..73], Reference.CrossEntropy.Backward([1, 2, 3], [1], [1]), Tolerance.For(DType.F32, 3));
        Assert.That(gradient[..70].Append(gradient[73]), Is.All.Zero);
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
            (float[] losses, float[] gradient) = Run(new Case(logits, [7], [1]), withGradient: true);
            double others = 99 * Math.Exp(-lead), expected = others > 1e-9 ? Math.Log(1 + others) : others;
            Assert.That(losses[0], Is.EqualTo(expected).Within(percent).Percent);
            Assert.That(gradient[7], Is.EqualTo(-others / (1 + others)).Within(percent).Percent);
        }
    }

    [TestCase(500f)]
    [TestCase(48f)]
    public void A_hopeless_label_has_its_loss_in_full(float lead)
    {
        (float[] losses, float[] gradient) = Run(new Case([lead, -lead, 0], [1], [1]), withGradient: true);
        Assert.That(losses[0], Is.EqualTo(2 * lead));
        Assert.That(gradient, Is.EqualTo(new float[] { 1, -1, 0 }).Within(1e-20));
    }

    [Test]
    public void The_same_inputs_give_the_same_bits()
    {
        Case c = Case.Make(7, 901, 3);
        (float[], float[]) first = Run(c, withGradient: true);
        Assert.That(Run(c, withGradient: true), Is.EqualTo(first));
    }

    protected (float[] Losses, float[] Logits) Run(Case c, bool withGradient)
    {
        int rows = c.Labels.Length;
        TensorView logits = Upload(c.Logits, rows, c.Logits.Length / rows), losses = Unwritten(rows, 1);
        Backend.CrossEntropy(UploadIntegers(c.Labels), withGradient ? Upload(c.Weights, rows, 1) : default, withGradient, logits, losses);
        return (Download(losses), Download(logits));
    }

    protected sealed record Case(float[] Logits, int[] Labels, float[] Weights)
    {
        public static Case Make(int rows, int vocabulary, double scale) =>
            new(Sample.Normal(rows * vocabulary, 1, scale), Sample.Integers(rows, vocabulary, 2), Sample.Normal(rows, 3));
    }
}
