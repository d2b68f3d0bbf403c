using NativeFl.DataRefinement;
using NativeFl.Tensors;
using NativeFl.Tensors.Cpu;
using NativeFl.Tests.Cli;

namespace NativeFl.Tests.DataRefinement;

internal sealed class CpuSentenceEmbedderTests : SentenceEmbedderTests
{
    protected override Backend Open() => new CpuBackend(new CpuBackendOptions { Threads = 2 });

    [Test]
    public void Ids_are_the_references()
    {
        using SentenceEmbedder embedder = SentenceEmbedder.Load(() => Backend, EmbedderFixture.Folder);
        foreach (EmbeddedText text in EmbedderFixture.Texts) Assert.That(embedder.Ids(text.Text), Is.EqualTo(text.Ids), text.Text);
    }

    [Test]
    public void Without_a_list_of_modules_the_mean_is_not_normalised_and_names_may_begin_with_bert()
    {
        using var folder = new TemporaryFolder();
        string copy = Copy(folder);
        File.Delete(Path.Combine(copy, "modules.json"));
        BertFile.Rename(Path.Combine(copy, "model.safetensors"), name => "bert." + name);
        using SentenceEmbedder embedder = SentenceEmbedder.Load(() => Backend, copy);
        EmbeddedText text = EmbedderFixture.Texts[2];
        float[] got = embedder.Embed([text.Text])[0].ToArray();
        double size = text.Mean.Max(Math.Abs);
        Assert.That(got.Zip(text.Mean, (x, expected) => Math.Abs(x - expected)), Has.All.LessThan(1e-5 * size));
    }

    [Test]
    public void A_list_of_modules_that_cannot_be_read_is_named()
    {
        using var folder = new TemporaryFolder();
        string copy = Copy(folder), path = Path.Combine(copy, "modules.json");
        using (new FileStream(path, FileMode.Open, FileAccess.ReadWrite, FileShare.None))
            Assert.That(() => SentenceEmbedder.Load(() => Backend, copy), Throws.TypeOf<InvalidInputException>().With.Message.Contains("modules.json: expected a readable file"));
        File.WriteAllBytes(path, [.. "[{\"name\":\""u8, 0xFF, .. "\",\"type\":\"models.Transformer\"}]"u8]);
        Assert.That(() => SentenceEmbedder.Load(() => Backend, copy), Throws.TypeOf<InvalidInputException>().With.Message.Contains("modules.json"));
        File.WriteAllText(path, "[],\"more\":[]");
        Assert.That(() => SentenceEmbedder.Load(() => Backend, copy), Throws.TypeOf<InvalidInputException>().With.Message.Contains("modules.json: expected a JSON array"));
    }

    [Test]
    public void More_numbers_than_one_array_holds_are_refused() => Assert.That(
        () => Embeddings.Room(1_000_000, 4096), Throws.TypeOf<InvalidInputException>().With.Message.Contains("--data: expected at most 524287 records").And.Message.Contains("1000000"));

    [Test]
    public void The_embedders_settings_are_followed()
    {
        using var folder = new TemporaryFolder();
        string copy = Copy(folder);
        Replace(copy, "tokenizer_config.json", "\"do_lower_case\": true", "\"do_lower_case\": false");
        Replace(copy, "sentence_bert_config.json", "16", "9");
        using SentenceEmbedder embedder = SentenceEmbedder.Load(() => Backend, copy);
        foreach (EmbeddedText text in EmbedderFixture.Texts)
            Assert.That(embedder.Ids(text.Text), Is.EqualTo((int[])[2, .. text.CasedIds.Take(7), 3]), text.Text);
        File.Delete(Path.Combine(copy, "sentence_bert_config.json"));
        using SentenceEmbedder longer = SentenceEmbedder.Load(() => Backend, copy);
        Assert.That(longer.Ids(string.Join(' ', Enumerable.Repeat("cat", 40))), Has.Length.EqualTo(18), "the model's positions");
    }

    [TestCase("config.json", "\"bert\"", "\"llama\"", "config.json: model_type: expected \"bert\"")]
    [TestCase("config.json", "\"gelu\"", "\"relu\"", "config.json: hidden_act: expected \"gelu\"")]
    [TestCase("config.json", "\"absolute\"", "\"relative_key\"", "position_embedding_type: expected \"absolute\"")]
    [TestCase("config.json", "\"num_attention_heads\": 3", "\"num_attention_heads\": 5", "hidden_size: expected a multiple of the 5 heads")]
    [TestCase("config.json", "\"num_hidden_layers\": 2", "\"num_hidden_layers\": 3", "encoder.layer.2.attention.self.query.weight: expected a tensor (24, 24), as config.json has it, got none")]
    [TestCase("config.json", "\"intermediate_size\": 37", "\"intermediate_size\": 38", "encoder.layer.0.intermediate.dense.weight: expected (38, 24), as config.json has it, got (37, 24)")]
    [TestCase("config.json", "\"vocab_size\": 98", "\"vocab_size\": 97", "vocab.txt: expected at most the 97 tokens")]
    [TestCase("vocab.txt", "[SEP]", "[sep]", "vocab.txt: expected a WordPiece vocabulary with [SEP]")]
    [TestCase("modules.json", "models.Normalize", "models.Dense", "modules.json: type: expected Transformer, Pooling or Normalize")]
    [TestCase("modules.json", "[", "{", "modules.json")]
    [TestCase("1_Pooling/config.json", "\"pooling_mode_cls_token\": false", "\"pooling_mode_cls_token\": true", "pooling_mode_cls_token: expected false")]
    [TestCase("1_Pooling/config.json", "\"pooling_mode_mean_tokens\": true", "\"pooling_mode_mean_tokens\": false", "pooling_mode_mean_tokens: expected true")]
    public void A_folder_that_is_no_such_embedder_is_refused(string file, string part, string instead, string says)
    {
        using var folder = new TemporaryFolder();
        string copy = Copy(folder);
        Replace(copy, file, part, instead);
        Assert.That(() => SentenceEmbedder.Load(() => Backend, copy), Throws.TypeOf<InvalidInputException>().With.Message.Contains(says));
    }

    [TestCase("config.json")]
    [TestCase("vocab.txt")]
    [TestCase("model.safetensors")]
    [TestCase("1_Pooling/config.json")]
    public void A_folder_without_a_file_is_refused(string file)
    {
        using var folder = new TemporaryFolder();
        string copy = Copy(folder);
        File.Delete(Path.Combine(copy, file));
        Assert.That(() => SentenceEmbedder.Load(() => Backend, copy), Throws.TypeOf<InvalidInputException>().With.Message.Contains(Path.GetFileName(file)));
    }

    private static void Replace(string folder, string file, string part, string instead)
    {
        string path = Path.Combine(folder, file), text = File.ReadAllText(path);
        Assert.That(text, Does.Contain(part));
        File.WriteAllText(path, text.Replace(part, instead, StringComparison.Ordinal));
    }

    private static string Copy(TemporaryFolder folder)
    {
        foreach (string file in Directory.GetFiles(EmbedderFixture.Folder, "*", SearchOption.AllDirectories))
        {
            string target = Path.Combine(folder.Root, Path.GetRelativePath(EmbedderFixture.Folder, file));
            Directory.CreateDirectory(Path.GetDirectoryName(target)!);
            File.Copy(file, target);
        }

        return folder.Root;
    }
}
