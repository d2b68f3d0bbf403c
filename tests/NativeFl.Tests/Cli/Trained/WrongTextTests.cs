using System.Text.Json.Nodes;

namespace NativeFl.Tests.Cli.Trained;

/// <summary>
/// Records and tokenizers that are broken in one place, through every verb that reads text: exit code 2, one line that names file and line, what
/// was expected and what was got; and --out, which holds something and may be replaced (--force), stays as it was.
/// </summary>
public sealed class WrongTextTests
{
    private const string Good = """{"question": "Say the plural of box.", "answer": "boxes"}""";

    // X is the broken thing; D is sound text; B is the base.
    private static readonly string[] DataLines =
    [
        "train --model B --data X --max-length 40 --out OUT", "pretrain --model B --data X --max-length 40 --out OUT",
        "federate --model B --data X --max-length 40 --clients 1 --out OUT", "eval --model B --data X --max-length 40 --out OUT",
        "train --model B --data D --eval-data X --max-length 40 --out OUT",
    ];

    private static readonly string[] TokenizerLines =
    [
        "train --model X --data D --out OUT", "pretrain --model X --data D --out OUT", "pretrain --model B --tokenizer X --data D --out OUT",
        "federate --model X --data D --clients 1 --out OUT", "eval --model X --data D --out OUT", "eval --task exact-match --model X --data D --out OUT",
        "generate --model X --prompt word --out OUT",
    ];

    private static IEnumerable<TestCaseData<string, string[]>> Records()
    {
        yield return Case("""{"question": "Why?", "answer": ""}""", ":2: answer", "an answer", "an empty one");
        yield return Case("""{"question": "Why?", "answer": " \n\t"}""", ":2: answer", "an answer", "an empty one");
        yield return Case("""{"question": "Why?", "answer": 5}""", ":2", "text in the field \"answer\"", "a number");
        yield return Case("""{"question": "Why?", "answer": null}""", ":2", "a field \"answer\"", "a record without it");
        yield return Case("""{"question": "Why?"}""", ":2", "question/answer", "question");
        yield return Case("""{"instruction": "Why?", "context": "", "reply": "So."}""", ":2", "instruction/response", "instruction, context, reply");
        yield return Case("{}", ":2", "input_ids", "a record without fields");
        yield return Case(
            """{"question": "What is the sum of one and two and three and four and five and six and seven and eight and nine and ten and eleven and twelve and one and two and three and four?", "answer": "Many."}""",
            ":2", "something left to learn within --max-length 40", "an answer that begins at token");
        yield return Case("""{"question": "Why?", "answer": "So."}}""", ":2", "a JSON object");
        yield return Case("""{"question": "Why?", "answer": "So.", "answer": "No."}""", ":2", "a JSON object");
        yield return Case("""["question", "answer"]""", ":2", "a JSON object", "another JSON value");
        yield return Case("""{"question": "Why?", "answer": "\ud83e"}""", ":2", "half a surrogate pair");
        yield return Case("""{"id": "0", "question": "Why?", "answer": "So."}""", ":2", "an id of its own");
    }

    private static IEnumerable<TestCaseData<Action<string>, string[]>> Tokenizers()
    {
        yield return Broken("a merge of no piece", json => json["model"]!["merges"]!.AsArray().Add(new JsonArray("box", "nowhere")), "merges[", "pieces of the vocabulary");
        yield return Broken("a merge twice", json => json["model"]!["merges"]!.AsArray().Add(json["model"]!["merges"]![0]!.DeepClone()), "merges[", "a merge of its own");
        yield return Broken("an id twice", json => json["model"]!["vocab"]!["B"] = (int)json["model"]!["vocab"]!["A"]!, "vocab[", "an id of its own");
        yield return Broken("an id below 0", json => json["model"]!["vocab"]!["B"] = -1, "vocab[", "-1");
        yield return Broken("an id beyond the model's", json => json["added_tokens"]![3]!["id"] = 1500, "the model's vocabulary", "1500");
        yield return Broken("another kind of model", json => json["model"]!["type"] = "Unigram", "model.type", "BPE", "Unigram");
        yield return new TestCaseData<Action<string>, string[]>(
            path => BrokenFolders.EditBytes(path, bytes => bytes[..(bytes.Length / 2)]), ["tokenizer.json", "JSON", ": expected ", ", got "]).SetArgDisplayNames("cut short");
        yield return new TestCaseData<Action<string>, string[]>(
            File.Delete, ["tokenizer.json or tokenizer.model", ": expected ", ", got neither"]).SetArgDisplayNames("none");
    }

    [TestCaseSource(nameof(Records))]
    public void A_bad_record_is_refused_by_every_verb(string record, string[] says)
    {
        using var folder = new TemporaryFolder();
        Refused(folder, folder.Write("bad.jsonl", Good + "\n" + record + "\n"), ["bad.jsonl", .. says], DataLines);
    }

    [TestCaseSource(nameof(Tokenizers))]
    public void An_inconsistent_tokenizer_is_refused_by_every_verb(Action<string> breakIt, string[] says)
    {
        using var folder = new TemporaryFolder();
        string broken = BrokenFolders.Copy(SmallQuickstart.Base, folder.At("broken"));
        breakIt(Path.Combine(broken, "tokenizer.json"));
        Refused(folder, broken, [broken, .. says], TokenizerLines);
    }

    private static TestCaseData<string, string[]> Case(string record, params string[] says) => new(record, [.. says, ": expected ", ", got "]);

    private static TestCaseData<Action<string>, string[]> Broken(string name, Action<JsonObject> change, params string[] says) =>
        new TestCaseData<Action<string>, string[]>(path => BrokenFolders.EditJson(path, change), ["tokenizer.json", .. says, ": expected ", ", got "]).SetArgDisplayNames(name);

    private static void Refused(TemporaryFolder folder, string broken, string[] says, string[] lines)
    {
        var names = new Dictionary<string, string>
        {
            ["X"] = broken,
            ["B"] = SmallQuickstart.Base,
            ["D"] = folder.Write("good.jsonl", Good),
            ["OUT"] = folder.At("out"),
        };
        string mine = folder.Write(Path.Combine("out", "mine.txt"), "mine");
        string[] before = folder.Contents;
        foreach (string line in lines)
        {
            CliRun.Fails(2, says, [.. line.Split(' ').Select(word => names.GetValueOrDefault(word, word)), "--force"]);
            Assert.That(folder.Contents, Is.EqualTo(before), line);
            Assert.That(File.ReadAllText(mine), Is.EqualTo("mine"), line);
        }
    }
}
