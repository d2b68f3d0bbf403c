using CsCheck;
using NativeFl.Tensors;
using NativeFl.Tokenization;

namespace NativeFl.Tests.Tokenization;

/// <summary>The JSON files beside a tokenizer, damaged at random: the tokenizer is refused in one line, or encodes as it did.</summary>
public sealed class DamagedConfigTests
{
    private const string Text = "ab  a é<|user|>z<|end|>";

    [TestCase("tokenizer_config.json", """
        {"bos_token":{"content":"<s>","lstrip":false},"eos_token":"<|end|>","pad_token":"<unk>","add_bos_token":true,
         "added_tokens_decoder":{"1":{"content":"<s>","special":true},"264":{"content":"<|end|>","single_word":false,"lstrip":true,"rstrip":true,"special":true}}}
        """)]
    [TestCase("special_tokens_map.json", """{"bos_token":{"content":"<s>"},"eos_token":"</s>","pad_token":"<unk>"}""")]
    [TestCase("added_tokens.json", """{"<|user|>":264,"<|end|>":265,"<s>":1}""")]
    public void A_damaged_file_loads_right_or_is_refused(string name, string valid)
    {
        using var files = new TokenizerFiles();
        files.Write("tokenizer.model", SentencePieceModelBytes.With(new SentencePieceModelBytes(), "▁a", "ab", "▁", "a", "b").ToBytes());
        int[] plain = Tokenizer.Load(files.Folder).Encode(Text, addBos: false, parseAddedTokens: false);
        files.Write(name, valid);
        Assert.That(Tokenizer.Load(files.Folder).Encode("a", addBos: true), Has.Length.EqualTo(2).And.ItemAt(0).EqualTo(1), "the whole file is valid");
        Mutation.OfJson(valid).Sample(bytes =>
        {
            files.Write(name, bytes);
            try
            {
                Tokenizer tokenizer = Tokenizer.Load(files.Folder);
                Assert.That(tokenizer.Encode(Text, addBos: true), Is.All.InRange(0, tokenizer.VocabularySize - 1));
                Assert.That(tokenizer.Encode(Text, addBos: false, parseAddedTokens: false), Is.EqualTo(plain));
                foreach (int? id in new[] { tokenizer.BosId, tokenizer.EosId, tokenizer.PadId })
                    Assert.That(id ?? 0, Is.InRange(0, tokenizer.VocabularySize - 1));
            }
            catch (InvalidInputException e)
            {
                Assert.That(e.Message, Does.Contain(files.Folder).And.Not.Contain('\n'));
            }
        }, iter: 1000, threads: 1);
    }
}
