using NativeFl.Evaluation;
using NativeFl.Models;
using NativeFl.Tensors;

namespace NativeFl.Cli.Flags;

/// <summary>The flags of eval --sweep: how many layers go, how they are chosen, and how long the model then generates.</summary>
internal static class SweepFlags
{
    private const int DefaultPrompt = 128;

    public static Flag<SweepCounts?> Counts { get; } = new(
        "--sweep", SweepCounts.FlagType, null, "measure with so many layers dropped, one count after another: 0,1,2,4 or 0-7 or all there are");

    public static Flag<IReadOnlyList<string>> Calibration { get; } = new(
        "--calibration", FlagTypes.Files, [], "--sweep: records to choose the layers on, JSONL files or JSON arrays");

    public static Flag<IReadOnlyList<int>> Batches { get; } = new(
        "--decode-batch", FlagTypes.Ints(0, 1 << 16), [1, 16], "--sweep: sequences side by side while the speed of generating with the key/value cache is measured; 0 = it is not [1,16]");

    public static Flag<int?> Prompt { get; } = new(
        "--decode-prompt", FlagTypes.OptionalInt(1, 1 << 24), null, "--sweep: tokens of every prompt, drawn at random [128, fewer where the model has not as many positions]");

    public static Flag<int> NewTokens { get; } = new("--decode-tokens", FlagTypes.Int(2, 1 << 24), 32, "--sweep: new tokens of every sequence [32]");

    public static Flag<int> Rounds { get; } = new("--decode-rounds", FlagTypes.Int(1, 1 << 16), 3, "--sweep: times that every speed is measured, in turns [3]");

    /// <summary>All of them, and how layers are chosen.</summary>
    public static IReadOnlyList<IFlag> All => [Counts, .. Others];

    private static IReadOnlyList<IFlag> Others =>
    [
        LayerFlags.Granularity, LayerFlags.Method, LayerFlags.Iterative, LayerFlags.Consecutive, LayerFlags.Scores, Calibration,
        LayerFlags.Samples, LayerFlags.Length, Batches, Prompt, NewTokens, Rounds,
    ];

    /// <summary>The counts, or null without --sweep, where none of the other flags may be.</summary>
    public static SweepCounts? CountsOf(VerbRun run)
    {
        if (run.Get(Counts) is { } counts) return counts;
        if (Others.FirstOrDefault(run.Flags.Has) is { } flag) throw new InvalidInputException(run.Flags.Source(flag), "--sweep with it", "none");
        return null;
    }

    /// <summary>What is generated for each number of sequences.</summary>
    public static IReadOnlyList<DecodeOptions> Decodes(VerbRun run, ModelConfig config)
    {
        IReadOnlyList<int> batches = run.Get(Batches);
        if (batches is [0]) return [];
        if (batches.Contains(0) || batches.Distinct().Count() < batches.Count)
            throw new InvalidInputException(run.Flags.Source(Batches), "0 alone, or every number of sequences once", string.Join(',', batches));
        int newTokens = run.Get(NewTokens), room = config.MaxPositions - newTokens;
        int prompt = run.Get(Prompt) ?? Math.Min(DefaultPrompt, room);
        if (prompt < 1 || prompt > room)
        {
            throw new InvalidInputException(
                run.Flags.Source(run.Flags.Has(Prompt) ? Prompt : NewTokens), $"prompt and new tokens of at most {config.MaxPositions}, the model's positions",
                $"{Math.Max(prompt, 1)} + {newTokens}");
        }

        return [.. batches.Select(batch => new DecodeOptions { Sequences = batch, PromptLength = prompt, NewTokens = newTokens, Seed = run.Seed })];
    }
}
