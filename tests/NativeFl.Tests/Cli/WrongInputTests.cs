using System.Globalization;
using NativeFl.Models;
using NativeFl.Tests.Models;

namespace NativeFl.Tests.Cli;

/// <summary>Wrong files and flags that do not go together: exit code 2, one line that names the input, and nothing written.</summary>
public sealed class WrongInputTests
{
    private static readonly string Model = CliRun.Fixture("models", "llama"), Adapter = Path.Combine(Model, "adapter");

    private static IEnumerable<TestCaseData<string, string[]>> Lines() => [.. Refused(), .. Forced()];

    /// <summary>The same with leave to replace a folder: it must not be touched before everything has proved valid.</summary>
    private static IEnumerable<TestCaseData<string, string[]>> Forced()
    {
        const string Fresh = " --out OUT";
        foreach (TestCaseData<string, string[]> row in Refused())
        {
            string line = (string)row.Arguments[0]!;
            bool writesFile = line.StartsWith("logits ", StringComparison.Ordinal);
            if (!writesFile && line.Contains(Fresh, StringComparison.Ordinal))
                yield return Case(line.Replace(Fresh, " --force --out FULL", StringComparison.Ordinal), (string[])row.Arguments[1]!);
        }
    }

    private static IEnumerable<TestCaseData<string, string[]>> Refused()
    {
        string[] verbs = ["logits", "train", "federate", "aggregate", "merge", "eval", "generate"];
        foreach (string verb in verbs) yield return Case(verb, verb is "logits" or "train" or "federate" or "aggregate" or "merge" ? "--" : "--model");
        yield return Case("train --model M --data D", "--out", "nothing");
        yield return Case("train --model M --out OUT", "--data", "nothing");
        yield return Case("train --model M --data BAD --out OUT", "bad.jsonl", "2");
        yield return Case("train --model M --data TEXT --out OUT", "llama", "tokenizer");
        yield return Case("train --model M --data D --out OUT --steps 2 --epochs 1", "--steps", "both");
        yield return Case("train --model M --data D --out OUT --target-modules nothing_proj", "--target-modules");
        yield return Case("train --model M --data D --out OUT --max-length 100000", "--max-length");
        yield return Case("train --model M --data D --out OUT --resume", "--out", "checkpoint");
        yield return Case("train --model M --data D --out OUT --client 1", "--client", "--partition");
        yield return Case("train --model M --data D --out OUT --eval-every 2", "--eval-every", "--eval-data");
        yield return Case("train --model DIR --data D --out OUT", "config.json");
        yield return Case("train --model M --init-adapter DIR --data D --out OUT", "adapter_config.json");
        yield return Case("train --model M --data D --out FULL", "--out", "--force");
        yield return Case("train --model M --data D --out OUT --epochs 1e10", "--epochs", "2147483647 steps", "1e+10 steps");
        yield return Case("train --model M --data D --out OUT --init-adapter NOTHING", "--init-adapter", "nothing", "rank above 0");
        yield return Case("train --model M --data D --out OUT --partition PNULL --client 0", "null.json", "ids of records", "null");
        yield return Case("train --model M --data D --out OUT --partition PNONE --client 0", "none-of-them.json: client 0", "at least one record");
        yield return Case("train --model M --data D --out OUT --partition PREPEATS --client 0", "repeats.json: client 0", "every record once", "'0' 2 times");
        yield return Case("train --model M --data D --out OUT --partition PRANK --client 0", "rank.json: client 0", "at most 65536", "2000000000");
        yield return Case("train --model M --data D --out OUT --partition PALPHA --client 0", "alpha.json: client 0", "1e300");
        yield return Case("train --model M --data D --out OUT --partition PTWICE --client 0", "twice.json", "JSON", "clients");
        yield return Case("pretrain --config CONFIG --data D --out OUT --epochs 1e10", "--epochs", "1e+10 steps");
        yield return Case("pretrain --data D --out OUT", "--model", "--config", "neither");
        yield return Case("pretrain --model M --config CONFIG --data D --out OUT", "both");
        yield return Case("pretrain --config CONFIG --data TEXT --out OUT", "--tokenizer");
        yield return Case("federate --model M --data D --out OUT --clients 3 --ranks 1,2", "--ranks", "2");
        yield return Case("federate --model M --data D --out OUT --clients 30", "--partition", "3 records");
        yield return Case("federate --model M --data D --out OUT --clients 2 --partition sizes:1,1,1", "--clients");
        yield return Case("federate --model M --data D --out OUT --partition sizes:1,1", "--partition");
        yield return Case("federate --model M --data D --out OUT --partition sizes:1,x", "--partition", "'x'");
        yield return Case("federate --model M --data D --out OUT --partition random", "--partition", "'random'");
        yield return Case("federate --model M --data D --out OUT --partition dirichlet:0:category", "--partition", "'0'");
        yield return Case("federate --model M --data D --out OUT --clients 2 --partition dirichlet:1:category", "category");
        yield return Case("federate --model M --data D --out OUT --clients 2 --ranks 2,4 --method fedavg", "rank");
        yield return Case("federate --model M --data D --out OUT --clients 2 --ranks 2,4 --method fedex", "rank");
        yield return Case("federate --model M --data D --out OUT --clients 2 --method best", "--method", "'best'");
        yield return Case("federate --model M --data D --out OUT --clients 2 --dtype bf16", "--dtype", "f32");
        yield return Case("federate --model M --data D --out OUT --clients 2 --alphas 1,2 --scaling 3", "--alphas", "both");
        yield return Case("federate --model M --data D --out OUT --clients 2 --local-epochs 1 --steps 3", "--local-epochs");
        yield return Case("federate --model M --data D --out OUT --clients 2 --init-adapter A --method flora", "--init-adapter");
        yield return Case("federate --model M --data D --out OUT --clients 2 --init-adapter A --method fedavg --ranks 8", "--ranks", "largest rank of 4", "8");
        yield return Case("federate --model M --data D --out OUT --clients 2 --local-epochs 1e10", "--local-epochs", "2147483647 steps");
        yield return Case("federate --model M --data D --out OUT --clients 2 --epochs 1e10", "--epochs", "2147483647 steps");
        yield return Case("aggregate --model M --adapters A A --weights 1 --out OUT", "--weights", "1 for 2");
        yield return Case("aggregate --model M --adapters A A --weights 1,-1 --out OUT", "--weights", "'-1'");
        yield return Case("aggregate --model M --adapters A A --weights 1,NaN --out OUT", "--weights", "'NaN'");
        yield return Case("aggregate --model M --adapters A A --weights 0,0 --out OUT", "--weights", "zero");
        yield return Case("aggregate --model M --adapters A DIR --out OUT", "adapter_config.json");
        yield return Case("aggregate --model M --adapters A C0 --method fedavg --out OUT", "rank");
        yield return Case("aggregate --model M --adapters A --method local --out OUT", "--method", "local");
        yield return Case("aggregate --model OTHER --adapters A --out OUT", "adapter_model.safetensors");
        yield return Case("logits --model M --ids BAD --out OUT", "bad.jsonl", "JSON");
        yield return Case("logits --model M --ids RAGGED --out OUT", "ragged.json", "[1]");
        yield return Case("logits --model M --ids LONG --out OUT", "long.json", "at most 512 ids a row, the model's positions", "513");
        yield return Case("logits --model M --ids LARGE --out OUT", "large.json", "99999");
        yield return Case("logits --model M --ids HOLE --out OUT", "attention_mask[0]", "padding");
        yield return Case("logits --model M --ids NONE --out OUT", "input_ids");
        yield return Case("logits --model M --ids HALF --out OUT", "half.json", "half a surrogate pair");
        yield return Case("logits --model M --ids TWICE --out OUT", "ids-twice.json", "JSON", "input_ids");
        yield return Case("generate --model M --ids HALF", "half.json", "half a surrogate pair");
        yield return Case("logits --model M --ids IDS --out FULL", "--out", "a folder");
        yield return Case("logits --model M --ids IDS --out D", "--out", "--force");
        yield return Case("generate --model M", "--prompt", "neither");
        yield return Case("generate --model M --prompt x", "llama", "tokenizer");
        yield return Case("generate --model M --prompt x --ids IDS", "both");
        yield return Case("eval --model M --data D --task bleu", "--task", "'bleu'");
        yield return Case("eval --model M --data D --task multiple-choice", "data.jsonl", "question");
        yield return Case("eval --model M --data UNCOUNTED", "uncounted.jsonl");
        yield return Case("merge --model M --out OUT", "--adapter");
        yield return Case("info --model DIR", "config.json");
        yield return Case("info --model M --init-adapter NOTHING", "--init-adapter", "rank above 0");
    }

    [TestCaseSource(nameof(Lines))]
    public void It_is_refused_in_one_line_and_nothing_is_written(string line, string[] says)
    {
        using var folder = new TemporaryFolder();
        Dictionary<string, string> names = Inputs(folder);
        string[] before = folder.Contents;
        CliRun.Fails(2, says, [.. line.Split(' ').Select(word => names.GetValueOrDefault(word, word))]);
        Assert.That(folder.Contents, Is.EqualTo(before));
    }

    [Test]
    public void A_device_that_is_not_there_fails_after_the_inputs_have_proved_valid()
    {
        using var folder = new TemporaryFolder();
        Dictionary<string, string> names = Inputs(folder);
        CliRun.Fails(1, ["cuda: not available"], "merge", "--model", Model, "--adapter", Adapter, "--device", "cuda", "--out", names["OUT"]);
        CliRun.Fails(2, ["adapter_config.json"], "merge", "--model", Model, "--adapter", names["DIR"], "--device", "cuda", "--out", names["OUT"]);
        Assert.That(Directory.Exists(names["OUT"]), Is.False);
    }

    [Test]
    public void Force_replaces_what_is_there()
    {
        using var folder = new TemporaryFolder();
        string target = Inputs(folder)["FULL"];
        CliRun.Json("merge", "--model", Model, "--adapter", Adapter, "--out", target, "--force");
        Assert.That(Directory.GetFiles(target).Select(f => Path.GetFileName(f)), Is.EquivalentTo(new[] { "config.json", "model.safetensors", "run.json" }));
    }

    private static TestCaseData<string, string[]> Case(string line, params string[] says) => new(line, says);

    private static Dictionary<string, string> Inputs(TemporaryFolder folder)
    {
        using var fixture = new FixtureCase("llama");
        folder.Write(Path.Combine("full", "mine.txt"), "mine");
        Directory.CreateDirectory(folder.At("empty"));
        AdapterFolder.Save(folder.At("nothing"), new AdapterWeights(new Dictionary<ModuleId, LoraFactors>()), new AdapterSettings());
        string good = VerbInput.Line(fixture.Examples[0]);
        string few = string.Join(',', Enumerable.Repeat("5", 3));
        return new Dictionary<string, string>
        {
            ["M"] = Model,
            ["OTHER"] = CliRun.Fixture("models", "llama-odd-sizes"),
            ["A"] = Adapter,
            ["C0"] = Path.Combine(Model, "clients", "0"),
            ["CONFIG"] = Path.Combine(Model, "config.json"),
            ["OUT"] = folder.At("out"),
            ["FULL"] = folder.At("full"),
            ["DIR"] = folder.At("empty"),
            ["D"] = VerbInput.Records(fixture, folder),
            ["BAD"] = folder.Write("bad.jsonl", good + "\n{\"input_ids\": [1,}\n"),
            ["TEXT"] = folder.Write("text.jsonl", "{\"text\": \"some words\"}"),
            ["UNCOUNTED"] = folder.Write("uncounted.jsonl", "{\"input_ids\": [1,2,3], \"labels\": [-100,-100,-100]}"),
            ["IDS"] = VerbInput.Ids(fixture, folder),
            ["LONG"] = folder.Write("long.json", $"{{\"input_ids\":[[{string.Join(',', Enumerable.Repeat(5, 513))}]]}}"),
            ["RAGGED"] = folder.Write("ragged.json", $"{{\"input_ids\":[[{few}],[5]]}}"),
            ["LARGE"] = folder.Write("large.json", "{\"input_ids\":[[5,99999]]}"),
            ["HOLE"] = folder.Write("hole.json", $"{{\"input_ids\":[[{few}]],\"attention_mask\":[[1,0,1]]}}"),
            ["HALF"] = folder.Write("half.json", """{"input_ids":[[5]],"\ud800":1}"""),
            ["TWICE"] = folder.Write("ids-twice.json", """{"input_ids":[[5]],"input_ids":[[6]]}"""),
            ["NOTHING"] = folder.At("nothing"),
            ["PNULL"] = Partition(folder, "null", "2", "4", "[null]"),
            ["PNONE"] = Partition(folder, "none-of-them", "2", "4", "[]"),
            ["PREPEATS"] = Partition(folder, "repeats", "2", "4", "[\"0\", \"1\", \"0\"]"),
            ["PRANK"] = Partition(folder, "rank", "2000000000", "4", "[\"0\"]"),
            ["PALPHA"] = Partition(folder, "alpha", "2", "1e300", "[\"0\"]"),
            ["PTWICE"] = folder.Write("twice.json", """{"clients":[],"clients":[]}"""),
            ["NONE"] = folder.Write("none.json", string.Create(CultureInfo.InvariantCulture, $"{{\"ids\":[[{5}]]}}")),
        };
    }

    private static string Partition(TemporaryFolder folder, string name, string rank, string alpha, string records) => folder.Write(
        name + ".json", $$"""{"clients":[{"id":0,"rank":{{rank}},"alpha":{{alpha}},"seeds":[1],"records":{{records}}}]}""");
}
