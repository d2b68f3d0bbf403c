using NativeFl.Evaluation;
using NativeFl.Tensors;

namespace NativeFl.Tests.Evaluation;

public sealed class PerplexityTests
{
    [Test]
    public void The_loss_is_the_mean_over_tokens_and_perplexity_its_exponential()
    {
        PerplexityResult result = Perplexity.Of([[1f, 2f, 3f], [], [6f]]);
        Assert.Multiple(() =>
        {
            Assert.That(result.Loss, Is.EqualTo(3).Within(1e-12));
            Assert.That(result.Perplexity, Is.EqualTo(Math.Exp(3)).Within(1e-9));
            Assert.That((result.Tokens, result.Examples), Is.EqualTo((4L, 2)));
        });
    }

    [Test]
    public void Nothing_to_score_is_refused() =>
        Assert.That(() => Perplexity.Of([[], []]), Throws.TypeOf<InvalidInputException>());

    [Test]
    public void A_loss_that_is_not_finite_ends_the_run() =>
        Assert.That(() => Perplexity.Of([[1f], [float.NaN]]), Throws.TypeOf<RunFailedException>());
}
