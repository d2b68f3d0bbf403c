using System.Text;
using CsCheck;
using NativeFl.Tensors;
using NativeFl.Tokenization;

namespace NativeFl.Tests.Tokenization;

public sealed class SentencePieceTests
{
    private static readonly string[] Pieces = ["▁a", "ab", "▁ab", "bb", "abb", "▁", "a", "b", "c", "é", "𝐀", "é𝐀"];

    private static readonly Gen<string> Texts = Gen.OneOf(
        TokenizerTests.Text, Gen.OneOf(Gen.Char["abc  é"].Select(c => c.ToString()), Gen.Const("𝐀"), Gen.Const("zz")).Array[0, 30].Select(p => string.Concat(p)));

    [Test]
    public void Ids_equal_those_of_merging_the_best_pair_one_at_a_time([Values] bool byteFallback)
    {
        SentencePieceModelBytes model = SentencePieceModelBytes.With(new SentencePieceModelBytes { ByteFallback = byteFallback }, Pieces);
        Tokenizer tokenizer = Load(model);
        Texts.Sample(text => Assert.That(tokenizer.Encode(text, false, false), Is.EqualTo(Reference(model, TokenizerTests.Whole(text)))));
    }

    [Test]
    public void Of_equal_pairs_the_left_one_is_merged([Values("▁|0|00", "▁|0|00|000", "▁|a|b|ab|ba|aa|bb", "▁|▁▁|▁▁▁▁")] string pieces)
    {
        var model = new SentencePieceModelBytes();
        SentencePieceModelBytes.With(model);
        model.Pieces.AddRange(pieces.Split('|').Select(p => (p, -1f, 1)));
        Tokenizer tokenizer = Load(model);
        Gen.Char["00aab  "].Array[0, 60].Select(c => new string(c)).Sample(text =>
            Assert.That(tokenizer.Encode(text, false, false), Is.EqualTo(Reference(model, text))));
    }

    [Test]
    public void A_piece_may_be_made_of_characters_that_are_no_pieces()
    {
        SentencePieceModelBytes model = SentencePieceModelBytes.With(new SentencePieceModelBytes(), "▁", "xy", "𝐀𝐀z", "𝐀𝐀");
        Assert.That(Load(model).Encode("xy𝐀𝐀zx", false), Is.EqualTo(new[] { model.Id("▁"), model.Id("xy"), model.Id("𝐀𝐀z"), 3 + 'x' }));
    }

    [Test]
    public void Hand_made_cases_hold()
    {
        SentencePieceModelBytes model = SentencePieceModelBytes.With(new SentencePieceModelBytes(), Pieces);
        Tokenizer tokenizer = Load(model);
        Assert.Multiple(() =>
        {
            Assert.That(tokenizer.VocabularySize, Is.EqualTo(259 + Pieces.Length));
            Assert.That((tokenizer.BosId, tokenizer.EosId, tokenizer.PadId), Is.EqualTo(((int?)1, (int?)2, (int?)null)));
            // ▁a has the best score and merges first, then ▁ab.
            Assert.That(tokenizer.Encode("ab", true), Is.EqualTo(new[] { 1, model.Id("▁ab") }));
            Assert.That(tokenizer.Encode("z", false), Is.EqualTo(new[] { model.Id("▁"), 3 + 'z' }));
            Assert.That(tokenizer.Encode("", true), Is.EqualTo(new[] { 1 }));
            Assert.That(tokenizer.Encode("<s>a", false), Is.EqualTo(new[] { 1, model.Id("▁a") }));
            Assert.That(tokenizer.Encode("<s>", false, parseAddedTokens: false), Has.None.EqualTo(1));
        });
    }

    [Test]
    public void Decoding_gives_back_any_text_without_the_mark()
    {
        Tokenizer tokenizer = Load(SentencePieceModelBytes.With(new SentencePieceModelBytes(), Pieces));
        Texts.Where(t => !t.Contains('\u2581')).Sample(text =>
        {
            int[] ids = tokenizer.Encode(text, true, false);
            var decoder = new StreamingDecoder(tokenizer);
            Assert.That(tokenizer.Decode(ids), Is.EqualTo(TokenizerTests.Whole(text)));
            Assert.That(string.Concat(ids.Select(decoder.Push)) + decoder.Flush(), Is.EqualTo(TokenizerTests.Whole(text)));
        });
    }

    [Test]
    public void User_defined_pieces_are_found_before_merging()
    {
        SentencePieceModelBytes model = SentencePieceModelBytes.With(new SentencePieceModelBytes(), Pieces);
        model.Pieces.Add(("<u>", 0, 4));
        model.Pieces.Add(("bb!", 0, 4));
        Tokenizer tokenizer = Load(model);
        Assert.Multiple(() =>
        {
            Assert.That(tokenizer.Encode("a<u>bb", false, false), Is.EqualTo(new[] { model.Id("▁a"), model.Id("<u>"), model.Id("bb") }));
            Assert.That(tokenizer.Encode("abb!", false, false), Is.EqualTo(new[] { model.Id("▁a"), model.Id("bb!") }));
            Assert.That(tokenizer.Decode(tokenizer.Encode("abb! <u>", false)), Is.EqualTo("abb! <u>"));
        });
    }

    [Test]
    public void White_space_is_treated_as_the_file_says()
    {
        int[] encode(SentencePieceModelBytes model, string text) => Load(SentencePieceModelBytes.With(model, Pieces)).Encode(text, false);
        var plain = new SentencePieceModelBytes();
        int[] one = encode(plain, "a a");
        Assert.Multiple(() =>
        {
            Assert.That(encode(new SentencePieceModelBytes { RemoveExtraWhitespaces = true }, "  a   a "), Is.EqualTo(one));
            Assert.That(encode(new SentencePieceModelBytes { RemoveExtraWhitespaces = true }, "   "), Is.Empty);
            Assert.That(encode(new SentencePieceModelBytes(), "a  a"), Has.Length.EqualTo(one.Length + 1));
            Assert.That(encode(new SentencePieceModelBytes { AddDummyPrefix = false }, "a a"), Is.EqualTo(new[] { plain.Id("a"), plain.Id("▁a") }));
        });
    }

    [Test]
    public void Tokens_added_beside_the_model_are_read()
    {
        SentencePieceModelBytes model = SentencePieceModelBytes.With(new SentencePieceModelBytes(), Pieces);
        using var files = new TokenizerFiles();
        files.Write("tokenizer.model", model.ToBytes());
        files.Write("added_tokens.json", """{"<|user|>": 271}""");
        files.Write("tokenizer_config.json", """{"added_tokens_decoder":{"272":{"content":"<|end|>","special":true},"1":{"content":"<s>","special":true}},"eos_token":"<|end|>"}""");
        Tokenizer tokenizer = Tokenizer.Load(files.Folder);
        Assert.Multiple(() =>
        {
            Assert.That(tokenizer.VocabularySize, Is.EqualTo(273));
            Assert.That(tokenizer.EosId, Is.EqualTo(272));
            Assert.That(tokenizer.Encode("<|user|>a<|end|>", true), Is.EqualTo(new[] { 1, 271, model.Id("▁a"), 272 }));
        });
        files.Write("added_tokens.json", """{"<|user|>": 270}""");
        Assert.That(() => Tokenizer.Load(files.Folder), Throws.TypeOf<InvalidInputException>().With.Message.Contains("<|user|>"));
        files.Write("added_tokens.json", """{"<|user|>": 2000000000}""");
        Assert.That(() => Tokenizer.Load(files.Folder), Throws.TypeOf<InvalidInputException>().With.Message.Contains("2000000000"));
    }

    private static IEnumerable<TestCaseData> Refused()
    {
        yield return Case(new SentencePieceModelBytes { ModelType = 1 }, "unigram");
        yield return Case(new SentencePieceModelBytes { CharacterMap = "map" }, "normalizer");
        yield return Case(new SentencePieceModelBytes { WhitespaceAsSuffix = true }, "treat_whitespace_as_suffix");
        yield return Case(new SentencePieceModelBytes { EscapeWhitespaces = false }, "escape_whitespaces");
        yield return Case(new SentencePieceModelBytes { UnknownId = 5 }, "unknown");
        yield return Case(new SentencePieceModelBytes { BosId = 4000 }, "bos");
        yield return Case(new SentencePieceModelBytes(), "a", ("a", -1, 1));
        yield return Case(new SentencePieceModelBytes(), "UNUSED", ("q", -1, 5));
        yield return Case(new SentencePieceModelBytes(), "byte pieces", ("<0x00>x", 0, 6));
        yield return Case(new SentencePieceModelBytes(), "piece 271", ("", 0, 1));
        yield return Case(new SentencePieceModelBytes(), "NaN", ("q", float.NaN, 1));
        yield return Case(new SentencePieceModelBytes(), "type", ("q", 0, 9));

        static TestCaseData Case(SentencePieceModelBytes model, string named, params (string, float, int)[] extra)
        {
            SentencePieceModelBytes.With(model, Pieces).Pieces.AddRange(extra);
            return new TestCaseData(model, named).SetArgDisplayNames(named);
        }
    }

    [TestCaseSource(nameof(Refused))]
    public void What_cannot_be_honoured_is_refused_by_name(object model, string named) =>
        Assert.That(() => Load((SentencePieceModelBytes)model), Throws.TypeOf<InvalidInputException>().With.Message.Contains("tokenizer.model").And.Message.Contains(named));

    [Test]
    public void A_damaged_file_loads_right_or_is_refused()
    {
        byte[] valid = SentencePieceModelBytes.With(new SentencePieceModelBytes(), Pieces).ToBytes();
        using var files = new TokenizerFiles();
        Mutation.Of(valid).Sample(bytes =>
        {
            files.Write("tokenizer.model", bytes);
            try
            {
                Tokenizer tokenizer = Tokenizer.Load(files.Folder);
                Assert.That(tokenizer.Encode("ab é z", true), Is.All.InRange(0, tokenizer.VocabularySize - 1));
            }
            catch (InvalidInputException e)
            {
                Assert.That(e.Message, Does.Not.Contain('\n'));
            }
        }, threads: 1);
    }

    private static Tokenizer Load(SentencePieceModelBytes model)
    {
        using var files = new TokenizerFiles();
        files.Write("tokenizer.model", model.ToBytes());
        return Tokenizer.Load(files.Folder);
    }

    private static int[] Reference(SentencePieceModelBytes model, string text)
    {
        if (text.Length == 0) return [];
        Dictionary<string, (int Id, float Score)> known = model.Pieces.Select((p, i) => (p, i)).Where(p => p.p.Type == 1).ToDictionary(p => p.p.Text, p => (p.i, p.p.Score));
        List<string> parts = [.. ("▁" + text.Replace(' ', '▁')).EnumerateRunes().Select(r => r.ToString())];
        while (true)
        {
            int at = -1;
            for (int i = 0; i + 1 < parts.Count; i++)
            {
                if (known.TryGetValue(parts[i] + parts[i + 1], out var pair) && (at < 0 || pair.Score > known[parts[at] + parts[at + 1]].Score)) at = i;
            }

            if (at < 0) break;
            parts[at] += parts[at + 1];
            parts.RemoveAt(at + 1);
        }

        var ids = new List<int>();
        foreach (string part in parts)
        {
            if (known.TryGetValue(part, out var piece)) ids.Add(piece.Id);
            else if (model.ByteFallback) ids.AddRange(Encoding.UTF8.GetBytes(part).Select(b => 3 + b));
            else if (ids.Count == 0 || ids[^1] != 0) ids.Add(0);
        }

        return [.. ids];
    }
}
