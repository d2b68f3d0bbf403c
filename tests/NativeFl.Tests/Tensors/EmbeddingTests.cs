using NativeFl.Tensors;

namespace NativeFl.Tests.Tensors;

internal abstract class EmbeddingTests(DType type) : OpTest
{
    // The last three have runs of one token that a block shares, tokens that are sorted in several tiles, and both.
    private static readonly (int Vocabulary, int Columns, int Tokens)[] Shapes =
        [(1, 1, 1), (7, 3, 5), (64, 32, 16), (50, 100, 33), (300, 2048, 20), (3, 40, 200), (5000, 4, 1500), (9, 17, 2600)];

    /// <summary>What activations are stored as.</summary>
    protected DType Type => type;

    [Test]
    public void Forward_reads_the_rows_of_the_table(
        [ValueSource(nameof(Shapes))] (int Vocabulary, int Columns, int Tokens) shape, [Values(DType.F32, DType.BF16)] DType stored)
    {
        float[] table = Stored(Sample.Normal(shape.Vocabulary * shape.Columns, 1), stored);
        int[] tokens = Sample.Integers(shape.Tokens, shape.Vocabulary, 2);
        TensorView x = Unwritten(shape.Tokens, shape.Columns, type);
        Backend.EmbeddingForward(Pack(table, shape.Vocabulary, shape.Columns, stored), UploadIntegers(tokens), x);
        Assert.That(Download(x).Wide(), Is.EqualTo(Reference.Embedding.Forward(Stored(table, type).Wide(), shape.Columns, tokens)));
    }

    [TestCaseSource(nameof(Shapes))]
    public void Backward_matches_reference((int Vocabulary, int Columns, int Tokens) shape)
    {
        float[] dx = Stored(Sample.Normal(shape.Tokens * shape.Columns, 1), type), before = Sample.Normal(shape.Vocabulary * shape.Columns, 2);
        int[] tokens = Sample.Integers(shape.Tokens, shape.Vocabulary, 3);
        double[] expected = Reference.Embedding.Backward(dx.Wide(), shape.Vocabulary, shape.Columns, tokens);
        Agreement.Close(Backward(dx, tokens, before, shape.Columns), [.. expected.Zip(before, (a, b) => a + b)], Tolerance.For(DType.F32, shape.Tokens));
    }

    [TestCase(1023)]
    [TestCase(1024)]
    [TestCase(1025)]
    [TestCase(2049)]
    [TestCase(5000)]
    public void Every_row_finds_its_token(int count)
    {
        // One column of ones counts the occurrences, exactly.
        int[] tokens = Sample.Integers(count, 700, 3);
        float[] expected = new float[700];
        foreach (int token in tokens) expected[token]++;
        Assert.That(Backward([.. Enumerable.Repeat(1f, count)], tokens, new float[700], 1), Is.EqualTo(expected));
    }

    [Test]
    public void The_same_inputs_give_the_same_bits()
    {
        float[] dx = Stored(Sample.Normal(300 * 40, 1), type);
        int[] tokens = Sample.Integers(300, 6, 3);
        float[] first = Backward(dx, tokens, new float[240], 40);
        Assert.That(Backward(dx, tokens, new float[240], 40), Is.EqualTo(first));
    }

    protected float[] Backward(float[] dx, int[] tokens, float[] before, int columns)
    {
        TensorView dTable = Upload(before, before.Length / columns, columns);
        Backend.EmbeddingBackward(Upload(dx, tokens.Length, columns, type), UploadIntegers(tokens), dTable);
        return Download(dTable);
    }
}
