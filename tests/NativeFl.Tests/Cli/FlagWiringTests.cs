using NativeFl.Cli;
using NativeFl.Cli.Flags;
using NativeFl.Data;
using NativeFl.Finetuning;
using NativeFl.Models;

namespace NativeFl.Tests.Cli;

/// <summary>Every flag reaches the member that it is for: all values differ from each other and from the defaults, so no two can be swapped.</summary>
public sealed class FlagWiringTests
{
    private static readonly ModelConfig Config = ModelConfigFile.Load(CliRun.Fixture("models", "llama"));

    private const string Optimiser =
        "--batch-size 3 --grad-accum 5 --lr 0.011 --schedule cosine --warmup 7 --weight-decay 0.013 --grad-clip 0.017 --no-shuffle --prox-mu 0.019";

    private static readonly TrainingOptions Expected = new()
    {
        BatchSize = 3,
        GradientAccumulation = 5,
        LearningRate = 0.011,
        Schedule = LearningRateSchedule.Cosine,
        WarmupSteps = 7,
        WeightDecay = 0.013,
        GradClip = 0.017,
        Shuffle = false,
        Dropout = 0.23,
        ProximalMu = 0.019,
    };

    [Test]
    public void Training_flags_become_training_options()
    {
        Assert.Multiple(() =>
        {
            Assert.That(Options(Optimiser + " --steps 29"), Is.EqualTo(Expected with { Steps = 29 }));
            Assert.That(Options(Optimiser + " --epochs 0.31 --schedule linear"), Is.EqualTo(Expected with { Epochs = 0.31, Schedule = LearningRateSchedule.Linear }));
            Assert.That(Options("--schedule constant"), Is.EqualTo(new TrainingOptions { Dropout = 0.23 }), "the command line's defaults are the library's");
        });
        RequireEveryMember(new TrainingOptions(), Expected with { Steps = 29, Epochs = 0.31 });
    }

    [Test]
    public void A_verb_without_a_proximal_term_has_none()
    {
        using VerbRun run = Run("pretrain", "--batch-size 3");
        Assert.That(TrainingSetup.Options(run, dropout: 0), Is.EqualTo(new TrainingOptions { BatchSize = 3 }));
    }

    [Test]
    public void Adapter_flags_become_lora_options()
    {
        using VerbRun given = Run("train", "--rslora --target-modules v_proj,down_proj"), plain = Run("train", "");
        LoraOptions lora = TrainingSetup.Lora(given, Config, 3, 5);
        Assert.Multiple(() =>
        {
            Assert.That((lora.Rank, lora.Alpha, lora.UseRsLora), Is.EqualTo((3, 5.0, true)));
            Assert.That(Config.Modules().Where(lora.Targets.Matches).Select(m => m.Projection).Distinct(), Is.EqualTo(new[] { Projection.Value, Projection.Down }));
            Assert.That(TrainingSetup.Lora(plain, Config, 16, 32), Is.EqualTo(new LoraOptions { Alpha = 32 }));
        });
        RequireEveryMember(new LoraOptions(), lora);
    }

    [Test]
    public void Record_flags_become_prompt_options()
    {
        using VerbRun given = Run("train", "--template {ask}:{say} --prompt-field ask --answer-field say --train-on-prompt --max-length 37 --packing");
        using VerbRun apart = Run("train", "--no-packing"), plain = Run("train", "");
        PromptOptions options = TrainingData.Options(given, Config);
        Assert.Multiple(() =>
        {
            Assert.That(options, Is.EqualTo(new PromptOptions
            {
                Template = "{ask}:{say}",
                PromptField = "ask",
                AnswerField = "say",
                TrainOnPrompt = true,
                MaxLength = 37,
                Packing = true,
            }));
            Assert.That(TrainingData.Options(apart, Config), Is.EqualTo(new PromptOptions { MaxLength = Config.MaxPositions, Packing = false }));
            Assert.That(TrainingData.Options(plain, Config), Is.EqualTo(new PromptOptions { MaxLength = Config.MaxPositions }));
        });
        RequireEveryMember(new PromptOptions(), options);
    }

    private static TrainingOptions Options(string line)
    {
        using VerbRun run = Run("train", line);
        return TrainingSetup.Options(run, dropout: 0.23);
    }

    /// <summary>A run of a verb with these flags, a later one of a name instead of an earlier one.</summary>
    private static VerbRun Run(string verb, string line)
    {
        Verb chosen = CommandLine.Verbs.Single(v => v.Name == verb);
        Dictionary<string, FlagText> given = [];
        string name = "";
        foreach (string word in line.Split(' ', StringSplitOptions.RemoveEmptyEntries))
        {
            if (!word.StartsWith("--", StringComparison.Ordinal))
            {
                given[name] = new FlagText(name, [word]);
                continue;
            }

            name = word;
            Assert.That(chosen.Flags.Select(f => f.Name), Does.Contain(name));
            given[name] = new FlagText(name, []);
        }

        var values = new FlagValues(chosen.Flags, given);
        values.CheckGiven();
        return new VerbRun(chosen, values, new VerbConsole(TextWriter.Null, TextWriter.Null), default);
    }

    /// <summary>A member that is added without a flag, or without a place in the tests above, keeps its default and is found here.</summary>
    private static void RequireEveryMember<T>(T defaults, T given) => Assert.That(
        typeof(T).GetProperties().Where(p => p.CanWrite && Equals(p.GetValue(defaults), p.GetValue(given))).Select(p => p.Name), Is.Empty);
}
