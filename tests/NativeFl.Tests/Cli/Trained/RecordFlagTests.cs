using System.Text.Json.Nodes;

namespace NativeFl.Tests.Cli.Trained;

/// <summary>What the flags on records do, seen from outside, on text.</summary>
public sealed class RecordFlagTests
{
    private const string Template = "<|begin_of_text|><|user|> {prompt}<|assistant|> {answer}<|end_of_text|>";

    private static readonly (string Prompt, string Answer)[] Records =
        [("Say the plural of box.", "boxes"), ("Repeat this: cup.", "The echo of cup is cup."), ("What is the sum of one and two?", "three"), ("Say the plural of cup.", "cups")];

    private TemporaryFolder _folder = null!;
    private string _data = "";

    [SetUp]
    public void Open()
    {
        _folder = new TemporaryFolder();
        _data = Write("data.jsonl", "question", "answer");
    }

    [TearDown]
    public void Close() => _folder.Dispose();

    [Test]
    public void Prompt_and_answer_may_have_names_of_their_own()
    {
        JsonObject known = Eval(_data, "--template", Template);
        JsonObject named = Eval(Write("named.jsonl", "ask", "say"), "--template", Template, "--prompt-field", "ask", "--answer-field", "say");
        JsonObject swapped = Eval(Write("swapped.jsonl", "say", "ask"), "--template", Template, "--prompt-field", "ask", "--answer-field", "say");
        Assert.That(((double)named["loss"]!, (int)named["tokens"]!), Is.EqualTo(((double)known["loss"]!, (int)known["tokens"]!)));
        Assert.That((double)swapped["loss"]!, Is.Not.EqualTo((double)known["loss"]!));
    }

    [Test]
    public void The_prompt_counts_if_it_is_trained_on()
    {
        JsonObject answer = Eval(_data, "--template", Template), both = Eval(_data, "--template", Template, "--train-on-prompt");
        JsonObject trained = Train("out", "--train-on-prompt", "--batch-size", "4");
        Assert.Multiple(() =>
        {
            Assert.That((int)both["tokens"]!, Is.GreaterThan((int)answer["tokens"]! + (4 * 4)), "a prompt has more than four tokens");
            Assert.That((double)both["loss"]!, Is.Not.EqualTo((double)answer["loss"]!));
            Assert.That((double)trained["losses"]![0]!, Is.EqualTo((double)both["loss"]!).Within(1e-4).Percent);
        });
    }

    [Test]
    public void Packed_records_share_a_sequence_and_do_not_see_each_other()
    {
        JsonObject apart = Train("apart", "--batch-size", "1"), packed = Train("packed", "--batch-size", "1", "--packing");
        JsonObject batch = Train("batch", "--batch-size", "4");
        Assert.Multiple(() =>
        {
            Assert.That((int)apart["steps"]!, Is.EqualTo(4));
            Assert.That((int)packed["steps"]!, Is.EqualTo(1), "all of them in one sequence");
            Assert.That((long)packed["tokens"]!, Is.EqualTo((long)apart["tokens"]!));
            Assert.That((double)packed["losses"]![0]!, Is.EqualTo((double)batch["losses"]![0]!).Within(1e-4).Percent, "as side by side");
            Assert.That((double)Eval(_data, "--template", Template, "--packing")["loss"]!, Is.EqualTo((double)Eval(_data, "--template", Template)["loss"]!).Within(1e-4).Percent);
        });
    }

    [Test]
    public void Plain_text_is_packed_unless_it_is_told_not_to_be()
    {
        string[] prose = [.. File.ReadLines(Path.Combine(SmallQuickstart.Out, "data", "prose.jsonl")).Take(6)];
        string data = _folder.Write("prose.jsonl", string.Join('\n', prose));
        JsonObject packed = Eval(data, "--max-length", "128"), asked = Eval(data, "--max-length", "128", "--packing"), apart = Eval(data, "--max-length", "128", "--no-packing");
        Assert.Multiple(() =>
        {
            Assert.That((int)apart["examples"]!, Is.EqualTo(6));
            Assert.That((int)packed["examples"]!, Is.LessThan(6));
            Assert.That(asked.ToJsonString(), Is.EqualTo(packed.ToJsonString()));
        });
    }

    [Test]
    public void Packing_is_refused_where_it_means_nothing()
    {
        string ids = _folder.Write("ids.jsonl", "{\"input_ids\": [5, 6, 7]}");
        CliRun.Fails(2, ["--packing: expected either --packing or --no-packing, got both"], "eval", "--model", SmallQuickstart.Base, "--data", _data, "--packing", "--no-packing");
        CliRun.Fails(2, ["--packing: expected records of text, got ", "ids.jsonl:1"], "eval", "--model", SmallQuickstart.Base, "--data", ids, "--packing");
    }

    /// <summary>A device that is not there would end with 1: the references are read before it is opened.</summary>
    [Test]
    public void A_reference_without_the_pattern_is_found_before_anything_is_generated() => CliRun.Fails(
        2, ["--extract, record 3: expected a pattern that is in the reference answer, got \"cups\""],
        "eval", "--task", "exact-match", "--model", SmallQuickstart.Base, "--data", _data, "--extract", "(boxes|cup is|three)", "--batch-size", "1", "--device", "cuda:999");

    [Test]
    public void Held_out_losses_stand_in_the_metrics_at_their_steps()
    {
        JsonObject result = Train("out", "--batch-size", "1", "--eval-data", _data, "--eval-every", "3");
        JsonObject[] rows = [.. File.ReadLines(_folder.At("out", "metrics.jsonl")).Select(line => JsonNode.Parse(line)!.AsObject())];
        JsonObject[] measured = [.. rows.Where(row => row.ContainsKey("eval_loss"))];
        Assert.Multiple(() =>
        {
            Assert.That(rows.Select(row => (int)row["step"]!), Is.EqualTo(new[] { 1, 2, 3, 3, 4, 4 }), "every third step and the last");
            Assert.That(measured.Select(row => (int)row["step"]!), Is.EqualTo(new[] { 3, 4 }));
            Assert.That(measured.Select(row => (double)row["eval_stderr"]!), Has.All.GreaterThan(0));
            Assert.That(measured[1].ToJsonString(), Is.EqualTo(result["eval"]!.ToJsonString()));
        });
        JsonObject after = CliRun.Json("eval", "--model", SmallQuickstart.Base, "--adapter", _folder.At("out"), "--data", _data, "--template", Template);
        Assert.That((double)measured[1]["eval_loss"]!, Is.EqualTo((double)after["loss"]!).Within(1e-4).Percent);
        Assert.That((double)measured[1]["eval_stderr"]!, Is.EqualTo((double)after["stderr"]!).Within(1e-2).Percent);
    }

    private string Write(string name, string prompt, string answer) => _folder.Write(
        name, string.Join('\n', Records.Select(r => new JsonObject { [prompt] = r.Prompt, [answer] = r.Answer }.ToJsonString())));

    private static JsonObject Eval(string data, params string[] flags) => CliRun.Json(["eval", "--model", SmallQuickstart.Base, "--data", data, .. flags]);

    private JsonObject Train(string name, params string[] flags) => CliRun.Json(
        ["train", "--model", SmallQuickstart.Base, "--data", _data, "--template", Template, "--rank", "4", .. flags, "--out", _folder.At(name)]);
}
