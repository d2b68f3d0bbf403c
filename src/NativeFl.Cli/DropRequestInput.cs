using NativeFl.Cli.Flags;
using NativeFl.Data;
using NativeFl.LayerDropping;
using NativeFl.Tensors;

namespace NativeFl.Cli;

/// <summary>What is to be dropped and how it is chosen, by the flags of <see cref="LayerFlags"/>.</summary>
internal static class DropRequestInput
{
    /// <summary>The request, its flags checked against each other.</summary>
    /// <param name="run">Has the flags.</param>
    /// <param name="count">How many.</param>
    /// <param name="data">The flag of the calibration records.</param>
    public static DropRequest Of(VerbRun run, int count, Flag<IReadOnlyList<string>> data)
    {
        var request = new DropRequest
        {
            Granularity = LayerFlags.GranularityOf(run.Get(LayerFlags.Granularity)),
            Count = count,
            Method = LayerFlags.MethodOf(run.Get(LayerFlags.Method)),
            IsIterative = run.Get(LayerFlags.Iterative),
            IsConsecutive = run.Get(LayerFlags.Consecutive),
            Seed = run.Seed,
        };
        bool hasScores = run.Get(LayerFlags.Scores).Length > 0, isSimilarity = request.Method == DropMethod.Similarity;
        if (request.IsIterative && (!isSimilarity || hasScores || request.IsConsecutive))
            throw new InvalidInputException("--iterative", $"--method similarity on {data.Name}, and not --consecutive", "another");
        if (request.IsConsecutive && (!isSimilarity || hasScores || request.Granularity != Granularity.Block))
            throw new InvalidInputException("--consecutive", $"--granularity block by similarity on {data.Name}", "another");
        if (hasScores && !isSimilarity) throw new InvalidInputException("--scores", "--method similarity", run.Get(LayerFlags.Method));
        if (NeedsData(request) && hasScores == run.Get(data).Count > 0)
            throw new InvalidInputException(data.Name, $"either {data.Name} or --scores", hasScores ? "both" : "neither");
        return request;
    }

    /// <summary>Whether the choice is measured.</summary>
    public static bool NeedsData(DropRequest request) => request.Method is DropMethod.Similarity or DropMethod.Greedy;

    /// <summary>What a choice rests on: calibration samples and their tokens, those behind given scores included.</summary>
    public static (int Samples, long Tokens) Measured(LayerScores? scores, IReadOnlyList<TokenizedExample> samples) =>
        scores is null ? (samples.Count, samples.Sum(s => (long)s.InputIds.Length)) : (scores.Samples, scores.Tokens);
}
