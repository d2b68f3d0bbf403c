using NativeFl.Tensors;
using NativeFl.Tensors.Cpu;

namespace NativeFl.Tests.Tensors;

internal sealed class CpuEmbeddingTests() : EmbeddingTests(DType.F32)
{
    protected override Backend Open() => new CpuBackend(new CpuBackendOptions { Threads = 2 });

    [Test]
    public void Reference_backward_matches_finite_differences()
    {
        int[] tokens = [2, 0, 2];
        double[] table = Sample.Normal(3 * 4, 1).Wide(), weights = Sample.Normal(3 * 4, 2).Wide();
        double[] Output() => Reference.Embedding.Forward(table, 4, tokens);
        Agreement.CloseToDifferences(Reference.Embedding.Backward(weights, 3, 4, tokens), Reference.FiniteDifference.Gradient(table, weights, Output));
    }

    [Test]
    public void Results_do_not_depend_on_the_number_of_threads()
    {
        float[] dx = Sample.Normal(500 * 200, 1);
        int[] tokens = Sample.Integers(500, 6, 3);
        SameBitsOnAnyThreads(() => Backward(dx, tokens, new float[6 * 200], 200));
    }

    [TestCase(-1)]
    [TestCase(4)]
    public void A_token_outside_the_vocabulary_is_refused(int token) => Assert.That(
        () => Backward(new float[2], [token], new float[8], 2), Throws.ArgumentException.With.Message.Contains("tokens[0]: expected 0 .. 3"));
}
