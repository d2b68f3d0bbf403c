using NativeFl.Models;
using NativeFl.Tensors;
using NativeFl.Tokenization;

namespace NativeFl.Cli.Flags;

/// <summary>The flags that say what a model is measured on.</summary>
internal static class EvaluationFlags
{
    public static Flag<IReadOnlyList<string>> EvalData { get; } = new(
        "--eval-data", FlagTypes.Files, [], "held-out records to measure the loss on while training");

    public static Flag<int?> EvalEvery { get; } = new(
        "--eval-every", FlagTypes.OptionalInt(1), null, "steps between measurements on --eval-data [only at the end]");

    /// <summary>Measuring during training.</summary>
    public static IReadOnlyList<IFlag> DuringTraining => [EvalData, EvalEvery];

    /// <summary>The held-out set that the flags name, or null.</summary>
    public static HeldOutSet? HeldOut(VerbRun run, ModelConfig config, Func<Tokenizer> tokenizer)
    {
        IReadOnlyList<string> files = run.Get(EvalData);
        if (files.Count > 0) return new HeldOutSet(TrainingData.Load(run, files, config, tokenizer), run.Get(EvalEvery) ?? int.MaxValue);
        if (run.Flags.Has(EvalEvery)) throw new InvalidInputException(run.Flags.Source(EvalEvery), "--eval-data with it", "none");
        return null;
    }
}
