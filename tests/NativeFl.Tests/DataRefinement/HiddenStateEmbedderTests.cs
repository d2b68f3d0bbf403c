using NativeFl.Data;
using NativeFl.DataRefinement;
using NativeFl.Models;
using NativeFl.Tensors;
using NativeFl.Tests.Models;
using NativeFl.Tests.Tensors;

namespace NativeFl.Tests.DataRefinement;

/// <summary>Embeddings by the base itself: the head is linear, so that the head of a mean hidden state is the mean of the reference's logits.</summary>
internal abstract class HiddenStateEmbedderTests : OpTest
{
    [TestCaseSource(typeof(FixtureCase), nameof(FixtureCase.Names))]
    public void The_head_of_an_embedding_is_the_mean_of_the_references_logits(string name)
    {
        using var fixture = new FixtureCase(name);
        using Transformer model = Transformer.Load(Backend, fixture.Folder, DType.F32);
        Embeddings embeddings = new HiddenStateEmbedder(model).Embed(fixture.Examples);
        float[] head = model.ReadTensor(model.Config.TieWordEmbeddings ? "model.embed_tokens.weight" : "lm_head.weight");
        Assert.That((embeddings.Count, embeddings.Width), Is.EqualTo((fixture.Examples.Count, model.Config.HiddenSize)));
        float[] logits = fixture.RealRows("base.logits");
        int vocabulary = model.Config.VocabularySize, row = 0;
        for (int n = 0; n < embeddings.Count; n++)
        {
            int length = fixture.Examples[n].InputIds.Length, first = row;
            row += length;
            float[] expected = [.. Enumerable.Range(0, vocabulary).Select(v => (float)Enumerable.Range(first, length).Average(t => (double)logits[(t * vocabulary) + v]))];
            float[] got = [.. Enumerable.Range(0, vocabulary).Select(v => (float)Dot(head.AsSpan(v * embeddings.Width, embeddings.Width), embeddings[n]))];
            Assert.That(FixtureCase.Distance(got, expected), Is.LessThan(1e-4), $"record {n}");
        }
    }

    [Test]
    public void A_record_does_not_depend_on_its_neighbours_or_the_size_of_a_pass()
    {
        using var fixture = new FixtureCase("llama");
        using Transformer model = Transformer.Load(Backend, fixture.Folder, DType.F32);
        TokenizedExample[] examples = [.. fixture.Examples, .. fixture.Examples.Reverse()];
        var done = new List<int>();
        Embeddings together = new HiddenStateEmbedder(model).Embed(examples), apart = new HiddenStateEmbedder(model, 1).Embed(examples, done.Add);
        Assert.That(FixtureCase.Distance(apart.Values, together.Values), Is.LessThan(1e-6));
        Assert.That(FixtureCase.Distance(together[0], together[examples.Length - 1]), Is.LessThan(1e-6), "the same record at another place");
        Assert.That(FixtureCase.Distance(together[0], together[1]), Is.GreaterThan(1e-2), "another record");
        Assert.That(done, Is.EqualTo(Enumerable.Range(1, examples.Length)));
    }

    [Test]
    public void A_record_without_tokens_is_refused()
    {
        using var fixture = new FixtureCase("llama");
        using Transformer model = Transformer.Load(Backend, fixture.Folder, DType.F32);
        Assert.That(
            () => new HiddenStateEmbedder(model).Embed([fixture.Examples[0], new TokenizedExample("bare", [], [])]),
            Throws.TypeOf<InvalidInputException>().With.Message.Contains("none in record bare"));
    }

    private static double Dot(ReadOnlySpan<float> x, ReadOnlySpan<float> y)
    {
        double sum = 0;
        for (int i = 0; i < x.Length; i++) sum += (double)x[i] * y[i];
        return sum;
    }
}
