using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using NativeFl.Models;
using NativeFl.Tensors;
using NativeFl.Tensors.Cpu;
using NativeFl.Tests.Architecture;
using NativeFl.Tests.Cli;

namespace NativeFl.Tests;

/// <summary>What the README shows is what runs.</summary>
public sealed partial class ReadmeTests
{
    [Test]
    public void The_sample_is_the_code_that_is_compiled_here()
    {
        string[] source = File.ReadAllLines(Path.Combine(RepositoryTree.Root, "tests", "NativeFl.Tests", "ReadmeSample.cs"));
        int begin = Array.FindIndex(source, line => line.Trim() == "// begin"), end = Array.FindIndex(source, line => line.Trim() == "// end");
        IEnumerable<string> code = source[(begin + 1)..end].Select(line => line.Length == 0 ? line : line[8..]);
        string sample = CodeBlock().Match(File.ReadAllText(Path.Combine(RepositoryTree.Root, "README.md"))).Groups[1].Value;
        Assert.That(sample.TrimEnd().Split('\n'), Is.EqualTo(code));
    }

    [Test]
    public void The_sample_fine_tunes_two_clients_and_aggregates()
    {
        using var folder = new TemporaryFolder();
        string model = Path.Combine(folder.Root, "model"), output = Path.Combine(folder.Root, "global");
        ModelConfig config = MakeModel(model);
        string alice = MakeData(folder.Root, "alice", 5), bob = MakeData(folder.Root, "bob", 3);
        ReadmeSample.Run(model, alice, bob, output);
        AdapterWeights global = AdapterFolder.Load(output, config).Weights;
        Assert.Multiple(() =>
        {
            Assert.That(global.Modules, Has.Count.EqualTo(ModuleId.ProjectionCount * config.LayerCount));
            Assert.That(global.Modules.Values.Select(factors => factors.Rank), Is.All.EqualTo(64 + 8));
            Assert.That(global.Modules.Values.Select(factors => factors.B.Any(value => value != 0)), Is.All.True);
        });
    }

    private static ModelConfig MakeModel(string folder)
    {
        Directory.CreateDirectory(folder);
        JsonObject json = JsonNode.Parse(File.ReadAllText(Fixtures.Path("models", "llama", "config.json")))!.AsObject();
        json["vocab_size"] = 2048;
        ModelConfig config = ModelConfigFile.Parse(json.ToJsonString(), "config.json");
        using var backend = new CpuBackend();
        using var model = Transformer.Random(backend, config, DType.F32, seed: 1);
        model.Save(folder, DType.F32, copyTokenizerFrom: null);
        File.Copy(Fixtures.Path("tokenizers", "bpe2048.json"), Path.Combine(folder, "tokenizer.json"));
        return config;
    }

    private static string MakeData(string folder, string name, int records)
    {
        string path = Path.Combine(folder, $"{name}.jsonl");
        File.WriteAllLines(path, Enumerable.Range(0, records).Select(i => $$"""{"question": "{{name}} has {{i}} apples. How many?", "answer": "{{i}}"}"""));
        return path;
    }

    [GeneratedRegex("```csharp\n(.*?)```", RegexOptions.Singleline)]
    private static partial Regex CodeBlock();
}
