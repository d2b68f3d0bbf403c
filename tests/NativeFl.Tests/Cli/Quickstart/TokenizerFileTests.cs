using NativeFl.Cli.Quickstart;
using NativeFl.Tokenization;

namespace NativeFl.Tests.Cli.Quickstart;

public sealed class TokenizerFileTests
{
    [Test]
    public void What_is_written_reads_back_as_the_encoding_that_was_learnt()
    {
        using var folder = new TemporaryFolder();
        BytePairTrainer encoding = BytePairTrainer.Learn(new QuickstartData(1, 800).Prose, 400);
        TokenizerFile.Write(folder.Root, encoding);
        Tokenizer tokenizer = Tokenizer.Load(folder.Root);
        int first = encoding.Vocabulary.Count;
        Assert.That(tokenizer.VocabularySize, Is.EqualTo(first + 4));
        Assert.That((tokenizer.BosId, tokenizer.EosId), Is.EqualTo((first, first + 1)));

        const string Sentence = " The plural of wolf is wolves. Grüße 🦊\n 12 3";
        int[] ids = tokenizer.Encode(Sentence, addBos: true);
        Assert.Multiple(() =>
        {
            Assert.That(ids[0], Is.EqualTo(first));
            Assert.That(tokenizer.Decode(ids), Is.EqualTo(Sentence));
            Assert.That(ids, Has.Length.LessThan(30), "merges are used");
            Assert.That(
                tokenizer.Encode(TokenizerFile.User + " plural" + TokenizerFile.Assistant, addBos: false),
                Is.EqualTo(new[] { first + 2 }.Concat(tokenizer.Encode(" plural", addBos: false)).Append(first + 3)));
        });
    }
}
