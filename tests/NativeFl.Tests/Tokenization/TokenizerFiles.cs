using System.Text.Json.Nodes;
using NativeFl.Tokenization;

namespace NativeFl.Tests.Tokenization;

/// <summary>Tokenizer folders for tests; they live until the test ends.</summary>
internal sealed class TokenizerFiles : IDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("tokenizer");

    public string Folder => _folder.FullName;

    public static string Fixture(string name) => Path.Combine(TestContext.CurrentContext.TestDirectory, "fixtures", "tokenizers", name);

    public static JsonObject FixtureJson() => JsonNode.Parse(File.ReadAllText(Fixture("bpe2048.json")))!.AsObject();

    /// <summary>The byte-level fixture with its own beginning and end tokens.</summary>
    public static Tokenizer LoadFixture()
    {
        using var files = new TokenizerFiles();
        files.Write("tokenizer_config.json", """{"bos_token":"<|begin_of_text|>","eos_token":"<|end_of_text|>","pad_token":"<|end_of_text|>"}""");
        return files.LoadJson(FixtureJson());
    }

    public Tokenizer LoadJson(JsonObject json)
    {
        Write("tokenizer.json", json.ToJsonString());
        return Tokenizer.Load(Folder);
    }

    public void Write(string name, string text) => File.WriteAllText(Path.Combine(Folder, name), text);

    public void Write(string name, byte[] bytes) => File.WriteAllBytes(Path.Combine(Folder, name), bytes);

    public void Dispose() => _folder.Delete(true);
}
