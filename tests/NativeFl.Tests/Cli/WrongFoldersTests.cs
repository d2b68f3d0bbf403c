using NativeFl.Tests.Models;

namespace NativeFl.Tests.Cli;

/// <summary>
/// Model and adapter folders that are broken in one place, through every verb that reads them: exit code 2, one line that names the file, what
/// was expected and what was got; and --out, which holds something and may be replaced (--force), stays as it was.
/// </summary>
public sealed class WrongFoldersTests
{
    private const string Weights = "model.safetensors", Index = "model.safetensors.index.json", Config = "config.json";
    private const string AdapterFile = "adapter_model.safetensors", AdapterConfig = "adapter_config.json";

    private static readonly string Model = CliRun.Fixture("models", "llama-bf16"), Other = CliRun.Fixture("models", "llama");

    // X is the broken folder, M and A are whole ones, D and I hold data and ids that fit.
    private static readonly string[] ModelLines =
    [
        "logits --model X --ids I --out FILE", "train --model X --data D --out OUT", "pretrain --model X --data D --out OUT",
        "federate --model X --data D --clients 2 --out OUT", "aggregate --model X --adapters A --out OUT", "merge --model X --adapter A --out OUT",
        "eval --model X --data D --out OUT", "generate --model X --ids I --out OUT", "info --model X --out OUT",
    ];

    private static readonly string[] AdapterLines =
    [
        "logits --model M --adapter X --ids I --out FILE", "train --model M --init-adapter X --data D --out OUT",
        "federate --model M --init-adapter X --data D --clients 2 --rank 2 --method fedavg --out OUT", "aggregate --model M --adapters A X --out OUT",
        "aggregate --model M --adapters X A --weights 0,1 --merge --out OUT", "merge --model M --adapter X --out OUT",
        "eval --model M --adapter X --data D --out OUT", "generate --model M --adapter X --ids I --out OUT", "info --model M --init-adapter X --out OUT",
    ];

    private static IEnumerable<TestCaseData<Action<string>, string[]>> Models()
    {
        yield return Case("data cut short", x => BrokenFolders.EditBytes(At(x, Weights), bytes => bytes[..^2]), Weights);
        yield return Case("header cut short", x => BrokenFolders.EditBytes(At(x, Weights), bytes => bytes[..100]), Weights, "a safetensors header length");
        yield return Case("an empty file", x => BrokenFolders.EditBytes(At(x, Weights), _ => []), Weights, "0 bytes");
        yield return Case("bytes too many", x => BrokenFolders.EditBytes(At(x, Weights), bytes => [.. bytes, 0, 0]), Weights);
        yield return Case("a header length of 0", x => BrokenFolders.EditBytes(At(x, Weights), bytes => [.. new byte[8], .. bytes[8..]]), Weights, "got 0");
        yield return Case(
            "a header length of 2^63", x => BrokenFolders.EditBytes(At(x, Weights), bytes => [.. bytes[..7], 0x80, .. bytes[8..]]), Weights, "92233720368");
        yield return Case("no UTF-8", x => BrokenFolders.EditBytes(At(x, Weights), bytes => [.. bytes[..20], 0xFF, .. bytes[21..]]), Weights, "UTF-8");
        yield return Case("no object", x => BrokenFolders.EditBytes(At(x, Weights), bytes => [.. bytes[..8], (byte)'[', .. bytes[9..]]), Weights, "byte 5b");
        yield return Case(
            "a name twice", x => BrokenFolders.EditHeader(At(x, Weights), ("layers.1.self_attn.q_proj", "layers.0.self_attn.q_proj")),
            Weights, "every name once", "layers.0.self_attn.q_proj.weight\" twice");
        yield return Case(
            "data that overlap", x => BrokenFolders.EditHeader(At(x, Weights), ("[2048,2816]", "[2046,2814]")), Weights, "where the tensor before it ends");
        yield return Case("a negative offset", x => BrokenFolders.EditHeader(At(x, Weights), ("[0,2048]", "[-1,2047]")), Weights, "data_offsets");
        yield return Case("an unknown dtype", x => BrokenFolders.EditHeader(At(x, Weights), ("\"BF16\",\"shape\":[64,16]", "\"BF8\",\"shape\":[64,16]")), Weights, "BF8");
        yield return Case("a size that overflows", x => BrokenFolders.EditHeader(At(x, Weights), ("[64,16]", "[4611686018427387904,16]")), Weights, "63 bits");
        yield return Case("another shape", x => BrokenFolders.EditHeader(At(x, Weights), ("[64,16]", "[16,64]")), Weights, "embed_tokens", "[16, 64]");
        yield return Case("a tensor missing", x => BrokenFolders.EditHeader(At(x, Weights), ("model.norm.weight", "model.norm.wait")), Weights, "model.norm.weight", "no such tensor");
        yield return Case("no weights", x => File.Delete(At(x, Weights)), Path.DirectorySeparatorChar + "broken", Weights, "neither");
        yield return Case("a shard outside the folder", x => Shard(x, "../whole/model.safetensors"), Index, "inside the folder", "../whole/model.safetensors");
        yield return Case("a shard by an absolute path", x => Shard(x, "/etc/passwd"), Index, "inside the folder", "/etc/passwd");
        yield return Case("a shard that is not there", x => Shard(x, "part.safetensors"), "part.safetensors");
        yield return Case("no configuration", x => File.Delete(At(x, Config)), Config);
        yield return Case("half a configuration", x => BrokenFolders.EditBytes(At(x, Config), bytes => bytes[..40]), Config, "JSON");
        yield return Case("a width of 0", x => BrokenFolders.Edit(At(x, Config), "\"hidden_size\": 16", "\"hidden_size\": 0"), Config, "hidden_size", "0");
        yield return Case("more layers than there are", x => BrokenFolders.Edit(At(x, Config), "_layers\": 2", "_layers\": 3"), Weights, "layers.2", "no such tensor");
        yield return Case("a size beyond any model", x => BrokenFolders.Edit(At(x, Config), "\"vocab_size\": 64", "\"vocab_size\": 4000000000"), Config, "vocab_size");
        yield return Case("another family", x => BrokenFolders.Edit(At(x, Config), "\"llama\"", "\"bert\""), Config, "model_type", "bert");
    }

    private static IEnumerable<TestCaseData<Action<string>, string[]>> Adapters()
    {
        yield return Case("a NaN", x => BrokenFolders.EditValue(At(x, AdapterFile), 3, float.NaN), AdapterFile, "q_proj.lora_A", "finite values", "NaN at row 0, column 3");
        yield return Case("an infinity", x => BrokenFolders.EditValue(At(x, AdapterFile), -1, float.NegativeInfinity), AdapterFile, "finite values", "-Infinity");
        yield return Case("r of 0", x => BrokenFolders.Edit(At(x, AdapterConfig), "\"r\": 2", "\"r\": 0"), AdapterConfig, "json: r:", "got 0");
        yield return Case("r below 0", x => BrokenFolders.Edit(At(x, AdapterConfig), "\"r\": 2", "\"r\": -2"), AdapterConfig, "json: r:", "got -2");
        yield return Case("another r", x => BrokenFolders.Edit(At(x, AdapterConfig), "\"r\": 2", "\"r\": 3"), AdapterFile, "lora_A", "shape [3, 16]", "[2, 16]");
        yield return Case(
            "A and B swapped", x => BrokenFolders.EditHeader(At(x, AdapterFile), ("lora_A", "lora_C"), ("lora_B", "lora_A"), ("lora_C", "lora_B")),
            AdapterFile, "lora_A", "shape [2, 16]", "[24, 2]");
        yield return Case("data cut short", x => BrokenFolders.EditBytes(At(x, AdapterFile), bytes => bytes[..^4]), AdapterFile);
        yield return Case(
            "a name twice", x => BrokenFolders.EditHeader(At(x, AdapterFile), ("layers.1.", "layers.0.")), AdapterFile, "every name once", "twice");
        yield return Case("a factor missing", x => BrokenFolders.EditHeader(At(x, AdapterFile), ("0.mlp.up_proj.lora_B", "0.mlp.up_proj.lora_D")), AdapterFile, "up_proj.lora_D");
        yield return Case("DoRA", x => BrokenFolders.EditJson(At(x, AdapterConfig), json => json["use_dora"] = true), AdapterConfig, "use_dora");
        yield return Case("pickled weights", x => File.Move(At(x, AdapterFile), At(x, "adapter_model.bin")), Path.DirectorySeparatorChar + "broken", AdapterFile, "pickled");
        yield return Case("no configuration", x => File.Delete(At(x, AdapterConfig)), AdapterConfig);
        yield return Case("another base's", x => File.Copy(Path.Combine(Other, "adapter", AdapterFile), At(x, AdapterFile), overwrite: true), AdapterFile);
    }

    [TestCaseSource(nameof(Models))]
    public void A_broken_model_is_refused_by_every_verb(Action<string> breakIt, string[] says) => Refused(Model, breakIt, says, ModelLines);

    [TestCaseSource(nameof(Adapters))]
    public void A_broken_adapter_is_refused_by_every_verb(Action<string> breakIt, string[] says) =>
        Refused(Path.Combine(Model, "adapter"), breakIt, says, AdapterLines);

    /// <summary>
    /// The two rules on NaN meet here. A file that holds one is refused as it is read, also where its weight is 0: it is broken, and whoever gave the
    /// weight should know. A client that becomes NaN during a run is given no weight, and reaches nothing. A sound file of weight 0 is left out.
    /// </summary>
    [Test]
    public void An_adapter_of_weight_0_is_left_out_if_it_is_sound_and_refused_if_it_holds_a_NaN()
    {
        using var folder = new TemporaryFolder();
        string adapter = Path.Combine(Model, "adapter"), client = Path.Combine(Model, "clients", "1");
        CliRun.Json("aggregate", "--model", Model, "--adapters", adapter, client, "--weights", "0,3", "--out", folder.At("both"));
        CliRun.Json("aggregate", "--model", Model, "--adapters", client, "--out", folder.At("one"));
        Assert.That(File.ReadAllBytes(folder.At("both", AdapterFile)), Is.EqualTo(File.ReadAllBytes(folder.At("one", AdapterFile))));

        string broken = BrokenFolders.Copy(adapter, folder.At("broken"));
        BrokenFolders.EditValue(At(broken, AdapterFile), 0, float.NaN);
        CliRun.Fails(
            2, [At(broken, AdapterFile), ": expected finite values, got NaN"],
            "aggregate", "--model", Model, "--adapters", broken, client, "--weights", "0,3", "--out", folder.At("none"));
        Assert.That(Directory.Exists(folder.At("none")), Is.False);
    }

    private static TestCaseData<Action<string>, string[]> Case(string name, Action<string> breakIt, params string[] says) =>
        new TestCaseData<Action<string>, string[]>(breakIt, [.. says, ": expected ", ", got "]).SetArgDisplayNames(name);

    private static string At(string folder, string file) => Path.Combine(folder, file);

    private static void Shard(string folder, string file)
    {
        File.Move(At(folder, Weights), At(Directory.CreateDirectory(At(Path.GetDirectoryName(folder)!, "whole")).FullName, Weights));
        File.WriteAllText(At(folder, Index), $$$"""{"weight_map": {"model.norm.weight": "{{{file}}}"}}""");
    }

    private static void Refused(string whole, Action<string> breakIt, string[] says, string[] lines)
    {
        using var folder = new TemporaryFolder();
        using var fixture = new FixtureCase("llama-bf16");
        string broken = BrokenFolders.Copy(whole, folder.At("broken"));
        breakIt(broken);
        var names = new Dictionary<string, string>
        {
            ["X"] = broken,
            ["M"] = Model,
            ["A"] = Path.Combine(Model, "adapter"),
            ["D"] = VerbInput.Records(fixture, folder),
            ["I"] = VerbInput.Ids(fixture, folder),
            ["OUT"] = folder.At("out"),
            ["FILE"] = folder.Write("file.safetensors", "mine"),
        };
        folder.Write(Path.Combine("out", "mine.txt"), "mine");
        string[] before = folder.Contents;
        foreach (string line in lines)
        {
            CliRun.Fails(2, says, [.. line.Split(' ').Select(word => names.GetValueOrDefault(word, word)), "--force"]);
            Assert.That(folder.Contents, Is.EqualTo(before), line);
            Assert.That(File.ReadAllText(names["FILE"]) + File.ReadAllText(folder.At("out", "mine.txt")), Is.EqualTo("minemine"), line);
        }
    }
}
