using System.Globalization;
using System.Text.Json.Nodes;
using NativeFl.Data;
using NativeFl.Finetuning;
using NativeFl.Models;
using NativeFl.Tensors;
using NativeFl.Tokenization;

namespace NativeFl.Cli.Quickstart;

/// <summary>The quickstart's base: its data and tokenizer on disk, and a small Llama that has read the prose.</summary>
internal static class QuickstartBase
{
    public const string TrainingFile = "train.jsonl", HeldOutFile = "held-out.jsonl", ProseFile = "prose.jsonl", TalkFile = "talk.jsonl";

    /// <summary>Writes the data files into a folder.</summary>
    public static void WriteData(string folder, QuickstartData data)
    {
        Directory.CreateDirectory(folder);
        File.WriteAllLines(Path.Combine(folder, TrainingFile), data.Training.Select(r => r.ToJsonLine()));
        File.WriteAllLines(Path.Combine(folder, HeldOutFile), data.HeldOut.Select(r => r.ToJsonLine()));
        File.WriteAllLines(Path.Combine(folder, TalkFile), data.Talk.Select(r => r.ToJsonLine()));
        File.WriteAllLines(Path.Combine(folder, ProseFile), data.Prose.Select(text => JsonOutput.Write(new JsonObject { ["text"] = text })));
    }

    /// <summary>Learns a tokenizer from the prose and writes it.</summary>
    public static Tokenizer WriteTokenizer(string folder, QuickstartData data)
    {
        Directory.CreateDirectory(folder);
        TokenizerFile.Write(folder, BytePairTrainer.Learn(data.Prose, QuickstartPlan.Merges));
        return Tokenizer.Load(folder);
    }

    /// <summary>Pretrains the model on the prose and writes it beside its tokenizer.</summary>
    public static (Transformer Model, ClientUpdate Update) Pretrain(VerbRun run, QuickstartPlan plan, string folder, string dataFolder, Tokenizer tokenizer)
    {
        ModelConfig config = ModelConfigFile.Parse(Config(plan, tokenizer).ToJsonString(), "the quickstart's config");
        var packing = new PromptOptions { MaxLength = QuickstartPlan.PretrainLength };
        PromptOptions turns = packing with { Template = TokenizerFile.Template, TrainOnPrompt = true, Packing = true };
        IReadOnlyList<TokenizedExample> examples =
        [
            .. Dataset.Load([Path.Combine(dataFolder, ProseFile)], tokenizer, packing, config.VocabularySize),
            .. Dataset.Load([Path.Combine(dataFolder, TalkFile)], tokenizer, turns, config.VocabularySize),
        ];
        Transformer model = Transformer.Random(run.Backend, config, DType.F32, run.Seed);
        var options = new TrainingOptions
        {
            BatchSize = QuickstartPlan.PretrainBatch,
            Epochs = plan.PretrainEpochs,
            LearningRate = QuickstartPlan.PretrainRate,
            Schedule = LearningRateSchedule.Cosine,
            WarmupSteps = Math.Min(50, examples.Count / QuickstartPlan.PretrainBatch),
        };
        using var progress = new PretrainProgress(run);
        ClientUpdate update = new FullTrainer(model).Train("pretrain", examples, options, run.Seed, progress, run.Cancellation);
        if (update.Diverged) throw new RunFailedException("pretraining diverged: the loss is not finite");
        model.Save(folder, DType.F32, copyTokenizerFrom: null);
        return (model, update);
    }

    private static JsonObject Config(QuickstartPlan plan, Tokenizer tokenizer) => new()
    {
        ["model_type"] = "llama",
        ["architectures"] = new JsonArray("LlamaForCausalLM"),
        ["hidden_size"] = plan.Width,
        ["intermediate_size"] = plan.FeedForward,
        ["num_hidden_layers"] = plan.Layers,
        ["num_attention_heads"] = QuickstartPlan.Heads,
        ["num_key_value_heads"] = QuickstartPlan.KvHeads,
        ["vocab_size"] = tokenizer.VocabularySize,
        ["rms_norm_eps"] = 1e-5,
        ["rope_theta"] = 10000.0,
        ["max_position_embeddings"] = QuickstartPlan.Positions,
        ["initializer_range"] = 0.05,
        ["tie_word_embeddings"] = true,
        ["hidden_act"] = "silu",
        ["bos_token_id"] = tokenizer.BosId,
        ["eos_token_id"] = tokenizer.EosId,
        ["torch_dtype"] = "float32",
    };

    private sealed class PretrainProgress(VerbRun run) : ITrainingObserver, IDisposable
    {
        private readonly ProgressBar _bar = new(run, "pretraining");
        private long _tokens;

        public void OnStep(TrainingStep step)
        {
            _tokens += step.Tokens;
            _bar.Report(step.Step, step.TotalSteps, _tokens, string.Create(CultureInfo.InvariantCulture, $"loss {step.Loss:0.000}"));
        }

        public void Dispose() => _bar.Dispose();
    }
}
