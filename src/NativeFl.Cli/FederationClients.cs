using System.Globalization;
using NativeFl.Cli.Flags;
using NativeFl.Data;
using NativeFl.Federation;
using NativeFl.Models;
using NativeFl.Tensors;
using NativeFl.Tokenization;

namespace NativeFl.Cli;

/// <summary>The clients of a federation and their data, from --clients, --ranks, --alphas, --scaling and --partition.</summary>
/// <param name="Clients">Who, and which examples are whose.</param>
/// <param name="Examples">The data of all clients.</param>
internal sealed record FederationClients(IReadOnlyList<ClientSpecification> Clients, IReadOnlyList<TokenizedExample> Examples)
{
    /// <summary>The stream of the run's seed that draws the partition.</summary>
    private const ulong PartitionStream = 0x9A27;

    /// <summary>Reads the data and splits it.</summary>
    public static FederationClients Load(VerbRun run, ModelConfig config, Func<Tokenizer> tokenizer)
    {
        string partition = run.Get(FederationFlags.Partition)!, where = run.Flags.Source(FederationFlags.Partition);
        IReadOnlyList<string> files = run.Get(DataFlags.Data);
        IReadOnlyList<TokenizedExample> examples;
        int[][] parts;
        if (partition == "files")
        {
            IReadOnlyList<TokenizedExample>[] byFile = [.. files.Select(file => TrainingData.Load(run, [file], config, tokenizer))];
            examples = [.. byFile.SelectMany((list, k) => list.Select(e => e with { Id = string.Create(CultureInfo.InvariantCulture, $"{k}:{e.Id}") }))];
            parts = Consecutive([.. byFile.Select(list => list.Count)]);
            RequireClients(run, parts.Length);
        }
        else
        {
            examples = TrainingData.Load(run, files, config, tokenizer);
            parts = Split(run, where, partition, examples);
        }

        int rank = run.Get(TrainingFlags.Rank);
        IReadOnlyList<int> ranks = run.Get(FederationFlags.Ranks) is { Count: > 0 } list ? list : [rank];
        if (run.Flags.Has(FederationFlags.Alphas) && run.Flags.Has(FederationFlags.Scaling))
            throw new InvalidInputException(run.Flags.Source(FederationFlags.Alphas), "either --alphas or --scaling", "both");
        IReadOnlyList<double>? alphas = run.Get(FederationFlags.Alphas) is { Count: > 0 } given ? given : Alpha(run, ranks);
        return new FederationClients(ClientSpecification.Create(parts, ranks, alphas, run.Get(FederationFlags.Scaling)), examples);
    }

    // --alpha, a flag of train, counts where the federation's own --alphas and --scaling do not say otherwise.
    private static double[]? Alpha(VerbRun run, IReadOnlyList<int> ranks) =>
        run.Flags.Has(TrainingFlags.Alpha) && !run.Flags.Has(FederationFlags.Scaling)
            ? [.. ranks.Select(r => run.Get(TrainingFlags.Alpha).Of(Math.Max(r, 1)))]
            : null;

    private static int[][] Split(VerbRun run, string where, string partition, IReadOnlyList<TokenizedExample> examples)
    {
        ulong seed = Philox.Derive(run.Seed, PartitionStream);
        string[] words = partition.Split(':');
        switch (words)
        {
            case ["iid"]:
                return DataPartition.Iid(examples.Count, Count(run), seed);
            case ["sizes", { } list]:
                int[] sizes = [.. FlagTypes.Ints(1).Parse(new FlagText(where, [list]))];
                RequireClients(run, sizes.Length);
                return DataPartition.BySizes(examples.Count, sizes, seed);
            case ["dirichlet", { } number, { Length: > 0 } field]:
                double alpha = FlagTypes.Number("dirichlet:ALPHA:FIELD with ALPHA above 0", v => v > 0).Parse(new FlagText(where, [number]));
                string[] labels = [.. examples.Select(e => Label(e, field))];
                return DataPartition.Dirichlet(labels, Count(run), alpha, run.Get(FederationFlags.MinimumExamples), seed);
            default:
                throw new InvalidInputException(where, "iid, dirichlet:ALPHA:FIELD, sizes:N,N,… or files", $"'{partition}'");
        }
    }

    private static string Label(TokenizedExample example, string field) => example.Fields.TryGetValue(field, out string? label)
        ? label
        : throw new InvalidInputException($"--data, record {example.Id}", $"a short field '{field}', which --partition splits by", "none");

    /// <summary>--clients, else as many as --ranks lists, else 10.</summary>
    private static int Count(VerbRun run)
    {
        int ranks = run.Get(FederationFlags.Ranks).Count;
        return !run.Flags.Has(FederationFlags.Clients) && ranks > 1 ? ranks : run.Get(FederationFlags.Clients);
    }

    private static void RequireClients(VerbRun run, int count)
    {
        if (run.Flags.Has(FederationFlags.Clients) && run.Get(FederationFlags.Clients) != count)
            throw new InvalidInputException(run.Flags.Source(FederationFlags.Clients), $"{count}, as --partition says", $"{run.Get(FederationFlags.Clients)}");
    }

    private static int[][] Consecutive(int[] sizes)
    {
        int start = 0;
        var parts = new int[sizes.Length][];
        for (int k = 0; k < sizes.Length; start += sizes[k], k++) parts[k] = [.. Enumerable.Range(start, sizes[k])];
        return parts;
    }
}
