using System.Text.Json.Nodes;
using NativeFl.Cli;
using NativeFl.Cli.Flags;
using NativeFl.Tensors;
using NativeFl.Tests.Architecture;

namespace NativeFl.Tests.Cli;

public sealed class RecipeFileTests
{
    private static readonly Verb Info = CommandLine.Verbs.Single(v => v.Name == "info");

    private static IEnumerable<TestCaseData<string, string[]>> WrongRecipes()
    {
        yield return new TestCaseData<string, string[]>("", ["recipe.json", "JSON"]);
        yield return new TestCaseData<string, string[]>("{\"rank\": 4,}", ["recipe.json", "JSON", "line 1"]);
        yield return new TestCaseData<string, string[]>("{// no\n}", ["recipe.json", "JSON"]);
        yield return new TestCaseData<string, string[]>("[4]", ["recipe.json", "a JSON object", "an array"]);
        yield return new TestCaseData<string, string[]>("{\"rnak\": 4}", ["recipe.json: $.rnak", "an unknown member"]);
        yield return new TestCaseData<string, string[]>("{\"batch-size\": 4}", ["$.batch-size", "an unknown member"]);
        yield return new TestCaseData<string, string[]>("{\"BatchSize\": 4}", ["$.BatchSize", "an unknown member"]);
        yield return new TestCaseData<string, string[]>("{\"recipe\": \"other.json\"}", ["$.recipe", "an unknown member"]);
        yield return new TestCaseData<string, string[]>("{\"rank\": 4, \"rank\": 5}", ["$.rank", "once", "twice"]);
        yield return new TestCaseData<string, string[]>("{\"\\ud800\": 4}", ["recipe.json", "half a surrogate pair"]);
        yield return new TestCaseData<string, string[]>("{\"device\": \"\\ud800\"}", ["recipe.json", "half a surrogate pair"]);
        yield return new TestCaseData<string, string[]>("{\"rank\": \"4\"}", ["$.rank", "a number"]);
        yield return new TestCaseData<string, string[]>("{\"rank\": null}", ["$.rank", "a number", "null"]);
        yield return new TestCaseData<string, string[]>("{\"rank\": 4.5}", ["$.rank", "a whole number", "'4.5'"]);
        yield return new TestCaseData<string, string[]>("{\"rank\": [4]}", ["$.rank", "a number", "an array"]);
        yield return new TestCaseData<string, string[]>("{\"json\": 1}", ["$.json", "true or false", "1"]);
        yield return new TestCaseData<string, string[]>("{\"device\": true}", ["$.device", "a text", "true"]);
        yield return new TestCaseData<string, string[]>("{\"schedule\": \"step\"}", ["$.schedule", "constant, linear, cosine"]);
    }

    [TestCaseSource(nameof(WrongRecipes))]
    public void A_wrong_recipe_ends_with_2_and_the_path_of_the_member(string json, string[] says)
    {
        using var folder = new TemporaryFolder();
        CliRun.Fails(2, says, "info", "--recipe", folder.Write("recipe.json", json));
    }

    [Test]
    public void Flags_override_the_recipe_and_the_recipe_overrides_the_defaults()
    {
        using var folder = new TemporaryFolder();
        string path = folder.Write("recipe.json", """{"$comment": "nativefl info --recipe this", "rank": 4, "alpha": "3r", "lr": 1e-2, "rslora": true}""");
        Dictionary<string, FlagText> given = RecipeFile.Read(path, Info);
        var values = new FlagValues(Info.Flags, given);
        Assert.Multiple(() =>
        {
            Assert.That(values.Get(TrainingFlags.Rank), Is.EqualTo(4));
            Assert.That(values.Get(TrainingFlags.Alpha).Of(4), Is.EqualTo(12));
            Assert.That(values.Get(TrainingFlags.LearningRate), Is.EqualTo(0.01));
            Assert.That(values.Get(TrainingFlags.UseRsLora), Is.True);
            Assert.That(values.Get(TrainingFlags.BatchSize), Is.EqualTo(8));
        });
        CliRun.Fails(2, ["--rank", "'x'"], "info", "--recipe", path, "--rank", "x");
    }

    [Test]
    public void The_recipe_of_a_run_reads_back_to_the_same_values()
    {
        Dictionary<string, FlagText> given = new()
        {
            ["--lr"] = new FlagText("--lr", ["3e-3"]),
            ["--alpha"] = new FlagText("--alpha", ["1.5r"]),
            ["--seed"] = new FlagText("--seed", ["18446744073709551615"]),
            ["--rslora"] = new FlagText("--rslora", []),
            ["--template"] = new FlagText("--template", ["<|user|>{prompt}\n\"{answer}\""]),
        };
        using var folder = new TemporaryFolder();
        string recipe = JsonOutput.Write(RunRecord.Recipe(new FlagValues(Info.Flags, given)), indented: true);
        var again = new FlagValues(Info.Flags, RecipeFile.Read(folder.Write("recipe.json", recipe), Info));
        Assert.That(JsonOutput.Write(RunRecord.Recipe(again), indented: true), Is.EqualTo(recipe));
        Assert.That(again.Get(SharedFlags.Seed), Is.EqualTo(ulong.MaxValue));
        Assert.That(again.Get(DataFlags.Template), Is.EqualTo("<|user|>{prompt}\n\"{answer}\""));
    }

    [Test]
    public void Every_recipe_of_the_experiments_is_one_of_the_verb_that_its_comment_names()
    {
        string[] files = Directory.GetFiles(Path.Combine(RepositoryTree.Root, "bench", "experiments"), "*.json", SearchOption.AllDirectories);
        Assert.That(files, Is.Not.Empty);
        foreach (string file in files)
        {
            string[] words = JsonNode.Parse(File.ReadAllText(file))!["$comment"]!.GetValue<string>().Split(' ');
            Assert.That(words[0], Is.EqualTo("nativefl"), file);
            Verb verb = CommandLine.Verbs.Single(v => v.Name == words[1] || v.Name == $"{words[1]} {words.ElementAtOrDefault(2)}");
            new FlagValues(verb.Flags, RecipeFile.Read(file, verb)).CheckGiven();
        }
    }

    [Test]
    public void Lists_are_arrays_or_comma_separated()
    {
        Assert.Multiple(() =>
        {
            Assert.That(FlagTypes.Ints(0).Parse(new FlagText("--ranks", ["64, 32", "4"])), Is.EqualTo(new[] { 64, 32, 4 }));
            Assert.That(() => FlagTypes.Ints(0).Parse(new FlagText("--ranks", ["64,,4"])), Throws.TypeOf<InvalidInputException>());
            Assert.That(() => FlagTypes.Ints(0).Parse(new FlagText("--ranks", ["64,-4"])), Throws.TypeOf<InvalidInputException>()
                .With.Message.EqualTo("--ranks: expected a whole number of at least 0, got '-4'"));
        });
    }
}
