using NativeFl.Evaluation;
using NativeFl.Tensors;

namespace NativeFl.Tests.Evaluation;

public sealed class AccuracyTests
{
    [Test]
    public void Accuracy_has_the_standard_error_of_a_mean_of_zeros_and_ones()
    {
        bool[] correct = [true, false, true, true, false];
        var result = new AccuracyResult([.. correct.Select((c, i) => new ItemResult($"{i}", c, "", ""))]);
        double variance = correct.Sum(c => Math.Pow((c ? 1 : 0) - 0.6, 2)) / 4;
        Assert.Multiple(() =>
        {
            Assert.That(result.Accuracy, Is.EqualTo(0.6).Within(1e-12));
            Assert.That(result.StandardError, Is.EqualTo(Math.Sqrt(variance / 5)).Within(1e-12));
            Assert.That(result.Count, Is.EqualTo(5));
        });
    }

    [Test]
    public void No_item_is_refused_and_one_has_no_standard_error()
    {
        Assert.That(() => new AccuracyResult([]), Throws.TypeOf<InvalidInputException>());
        Assert.That(new AccuracyResult([new ItemResult("0", true, "", "")]).StandardError, Is.Null);
    }

    [Test]
    public void The_choice_is_the_one_with_the_lowest_mean_loss()
    {
        Assert.Multiple(() =>
        {
            // The sum would choose the short one.
            Assert.That(MultipleChoice.Best([[2f], [1f, 1f, 1f]]), Is.EqualTo(1));
            Assert.That(MultipleChoice.Best([[1f], [1f]]), Is.Zero);
            Assert.That(MultipleChoice.Best([[float.NaN], [9f]]), Is.EqualTo(1));
        });
    }

    [TestCase("so 6 * 7 = 42\n#### 42", "42")]
    [TestCase("#### 1,000.5 and more", "1,000.5")]
    [TestCase("no answer", null)]
    public void The_answer_is_the_first_group_of_the_first_match(string text, string? expected) =>
        Assert.That(new AnswerPattern(@"#### (-?[\d,.]+)").Extract(text), Is.EqualTo(expected));

    [Test]
    public void Without_a_group_it_is_the_match_and_without_a_pattern_the_text()
    {
        Assert.That(new AnswerPattern(@"\d+").Extract("a 12 b 13"), Is.EqualTo("12"));
        Assert.That(new AnswerPattern(null).Extract(" Paris \n"), Is.EqualTo("Paris"));
    }

    [Test]
    public void A_pattern_that_is_none_is_refused()
    {
        var error = Assert.Throws<InvalidInputException>(() => _ = new AnswerPattern("(["));
        Assert.That(error.Message, Does.StartWith("--extract: expected a regular expression, got \"([\""));
    }

    [Test]
    public void A_pattern_that_takes_for_ever_is_refused()
    {
        var pattern = new AnswerPattern("(a+)+$");
        var error = Assert.Throws<InvalidInputException>(() => pattern.Extract(new string('a', 60) + "b"));
        Assert.That(error.Message, Does.StartWith("--extract: expected a pattern that needs less than a second"));
    }
}
