using NativeFl.Tensors;
using NativeFl.Tests;
using NativeFl.Tests.Tensors;
using Reference = NativeFl.Tests.Reference;

namespace NativeFl.Cuda.Tests;

internal sealed class EmbeddingTests : CudaTest
{
    // The last three have runs of one token that a block shares, tokens that are sorted in several tiles, and both.
    private static readonly (int Vocabulary, int Columns, int Tokens)[] Shapes =
        [(1, 1, 1), (7, 3, 5), (64, 32, 16), (50, 100, 33), (300, 2048, 20), (3, 40, 200), (5000, 4, 1500), (9, 17, 2600)];

    [Test]
    public void Forward_reads_the_rows_of_the_table(
        [ValueSource(nameof(Shapes))] (int Vocabulary, int Columns, int Tokens) shape,
        [Values(DType.F32, DType.BF16)] DType stored, [Values(DType.F32, DType.BF16)] DType type)
    {
        float[] table = Stored(Sample.Normal(shape.Vocabulary * shape.Columns, 1), stored);
        int[] tokens = Sample.Integers(shape.Tokens, shape.Vocabulary, 2);
        TensorView x = Unwritten(shape.Tokens, shape.Columns, type);
        Backend.EmbeddingForward(Pack(table, shape.Vocabulary, shape.Columns, stored), UploadIntegers(tokens), x);
        Assert.That(Download(x).Wide(), Is.EqualTo(Reference.Embedding.Forward(Stored(table, type).Wide(), shape.Columns, tokens)));
    }

    [Test]
    public void Backward_matches_reference(
        [ValueSource(nameof(Shapes))] (int Vocabulary, int Columns, int Tokens) shape, [Values(DType.F32, DType.BF16)] DType type)
    {
        float[] dx = Stored(Sample.Normal(shape.Tokens * shape.Columns, 1), type), before = Sample.Normal(shape.Vocabulary * shape.Columns, 2);
        int[] tokens = Sample.Integers(shape.Tokens, shape.Vocabulary, 3);
        double[] expected = Reference.Embedding.Backward(dx.Wide(), shape.Vocabulary, shape.Columns, tokens);
        Agreement.Close(
            Backward(type, dx, tokens, before, shape.Columns), [.. expected.Zip(before, (a, b) => a + b)], Tolerance.For(DType.F32, shape.Tokens));
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
        float[] got = Backward(DType.F32, [.. Enumerable.Repeat(1f, count)], tokens, new float[700], 1);
        float[] expected = new float[700];
        foreach (int token in tokens) expected[token]++;
        Assert.That(got, Is.EqualTo(expected));
    }

    [Test]
    public void The_same_inputs_give_the_same_bits([Values(DType.F32, DType.BF16)] DType type)
    {
        float[] dx = Stored(Sample.Normal(300 * 40, 1), type);
        int[] tokens = Sample.Integers(300, 6, 3);
        float[] first = Backward(type, dx, tokens, new float[240], 40);
        Assert.That(Backward(type, dx, tokens, new float[240], 40), Is.EqualTo(first));
    }

    [Test]
    public void A_token_outside_the_vocabulary_is_NaN_and_gets_nothing()
    {
        int[] tokens = [-1, 3, 4, int.MaxValue, int.MinValue];
        float[] table = Sample.Normal(4 * 8, 1), dx = Sample.Normal(5 * 8, 2), before = Sample.Normal(4 * 8, 3);
        TensorView x = Upload(new float[40], 5, 8);
        Backend.EmbeddingForward(Pack(table, 4, 8, DType.F32), UploadIntegers(tokens), x);
        float[] got = Download(x);
        Assert.That(got[..8].Concat(got[16..]), Is.All.NaN);
        Assert.That(got[8..16], Is.EqualTo(table[24..]));
        float[] gradient = Backward(DType.F32, dx, tokens, before, 8);
        Assert.That(gradient[..24], Is.EqualTo(before[..24]));
        Assert.That(gradient[24..], Is.EqualTo(before[24..].Zip(dx[8..16], (a, b) => a + b)));
    }

    private float[] Backward(DType type, float[] dx, int[] tokens, float[] before, int columns)
    {
        TensorView dTable = Upload(before, before.Length / columns, columns);
        Backend.EmbeddingBackward(Upload(dx, tokens.Length, columns, type), UploadIntegers(tokens), dTable);
        return Download(dTable);
    }
}
