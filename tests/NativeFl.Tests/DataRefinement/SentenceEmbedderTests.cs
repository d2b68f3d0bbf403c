using NativeFl.DataRefinement;
using NativeFl.Tests.Tensors;

namespace NativeFl.Tests.DataRefinement;

/// <summary>A BERT sentence embedder against an independent float64 implementation.</summary>
internal abstract class SentenceEmbedderTests : OpTest
{
    [TestCase(2048)]
    [TestCase(20)]
    [TestCase(1)]
    public void Embeddings_are_the_references_whatever_the_batch(int maxRows)
    {
        using SentenceEmbedder embedder = SentenceEmbedder.Load(() => Backend, EmbedderFixture.Folder, maxRows);
        IReadOnlyList<EmbeddedText> texts = EmbedderFixture.Texts;
        Embeddings embeddings = embedder.Embed([.. texts.Select(t => t.Text)]);
        for (int n = 0; n < texts.Count; n++)
            Assert.That(embeddings[n].ToArray().Zip(texts[n].Embedding, (got, expected) => Math.Abs(got - expected)), Has.All.LessThan(1e-5), texts[n].Text);
    }
}
