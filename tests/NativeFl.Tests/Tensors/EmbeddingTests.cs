using NativeFl.Tensors;

namespace NativeFl.Tests.Tensors;

public sealed class EmbeddingTests
{
    private static readonly (int Vocabulary, int Columns, int Tokens)[] Shapes = [(1, 1, 1), (7, 3, 5), (64, 32, 16), (50, 100, 33), (300, 2048, 40)];

    [TestCaseSource(nameof(Shapes))]
    public void Forward_reads_the_rows_of_a_packed_table((int Vocabulary, int Columns, int Tokens) shape)
    {
        float[] table = Sample.Normal(shape.Vocabulary * shape.Columns, 1);
        int[] tokens = Sample.Integers(shape.Tokens, shape.Vocabulary, 2);
        using var arena = new OpArena();
        TensorView x = arena.Unwritten(shape.Tokens, shape.Columns);
        arena.Backend.EmbeddingForward(arena.Packed(table, shape.Vocabulary, shape.Columns, DType.F32), arena.Integers(tokens), x);
        Assert.That(arena.Read(x).Wide(), Is.EqualTo(Reference.Embedding.Forward(table.Wide(), shape.Columns, tokens)));
    }

    [Test]
    public void Forward_widens_a_bf16_table()
    {
        // Eight bits of fraction: these numbers are bf16 numbers already.
        float[] table = [.. Sample.Integers(40 * 24, 255, 1).Select(i => (i - 127) / 64f)];
        int[] tokens = Sample.Integers(30, 40, 2);
        using var arena = new OpArena();
        TensorView x = arena.Unwritten(30, 24);
        arena.Backend.EmbeddingForward(arena.Packed(table, 40, 24, DType.BF16), arena.Integers(tokens), x);
        Assert.That(arena.Read(x).Wide(), Is.EqualTo(Reference.Embedding.Forward(table.Wide(), 24, tokens)));
    }

    [TestCaseSource(nameof(Shapes))]
    public void Backward_matches_reference((int Vocabulary, int Columns, int Tokens) shape)
    {
        float[] dx = Sample.Normal(shape.Tokens * shape.Columns, 1), before = Sample.Normal(shape.Vocabulary * shape.Columns, 2);
        int[] tokens = Sample.Integers(shape.Tokens, shape.Vocabulary, 3);
        using var arena = new OpArena();
        double[] expected = Reference.Embedding.Backward(dx.Wide(), shape.Vocabulary, shape.Columns, tokens);
        Agreement.Close(
            Backward(arena, dx, tokens, before, shape.Columns), [.. expected.Zip(before, (a, b) => a + b)], Tolerance.For(DType.F32, shape.Tokens));
    }

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
        Agreement.SameBitsOnAnyThreads(arena => Backward(arena, dx, tokens, new float[6 * 200], 200));
    }

    [TestCase(-1)]
    [TestCase(4)]
    public void A_token_outside_the_vocabulary_is_refused(int token)
    {
        using var arena = new OpArena();
        Assert.That(() => Backward(arena, new float[2], [token], new float[8], 2), Throws.ArgumentException.With.Message.Contains("tokens[0]: expected 0 .. 3"));
    }

    private static float[] Backward(OpArena arena, float[] dx, int[] tokens, float[] before, int columns)
    {
        TensorView dTable = arena.Floats(before, before.Length / columns, columns);
        arena.Backend.EmbeddingBackward(arena.Floats(dx, tokens.Length, columns), arena.Integers(tokens), dTable);
        return arena.Read(dTable);
    }
}
