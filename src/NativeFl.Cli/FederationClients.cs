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
        IReadOnlyList<DataRecord> records = RecordReader.Read(run.Get(DataFlags.Data));
        List<TokenizedExample> examples = [];
        List<int[]> parts = [];
        foreach (int[] part in Split(run, records))
        {
            // Each client packs its own records: a sequence never mixes what two clients have.
            IReadOnlyList<TokenizedExample> own = TrainingData.Tokenize(run, [.. part.Select(i => records[i])], config, tokenizer);
            parts.Add([.. Enumerable.Range(examples.Count, own.Count)]);
            examples.AddRange(own);
        }

        int rank = run.Get(TrainingFlags.Rank);
        IReadOnlyList<int> ranks = run.Get(FederationFlags.Ranks) is { Count: > 0 } list ? list : [rank];
        if (run.Flags.Has(FederationFlags.Alphas) && run.Flags.Has(FederationFlags.Scaling))
            throw new InvalidInputException(run.Flags.Source(FederationFlags.Alphas), "either --alphas or --scaling", "both");
        IReadOnlyList<double>? alphas = run.Get(FederationFlags.Alphas) is { Count: > 0 } given ? given : Alpha(run, ranks);
        return new FederationClients(ClientSpecification.Create(parts, ranks, alphas, run.Get(FederationFlags.Scaling)), examples);
    }

    /// <summary>Hashes the examples, and how many each client has; where clients are valued, also what they are valued on.</summary>
    public string Hash(ClientValueOptions? values)
    {
        var hash = new ContentHash();
        hash.Add(Dataset.Hash(Examples));
        foreach (ClientSpecification client in Clients) hash.Add(client.Examples.Count);
        if (values is not null) hash.Add(Dataset.Hash(values.Validation));
        return hash.ToString();
    }

    // --alpha, a flag of train, counts where the federation's own --alphas and --scaling do not say otherwise.
    private static double[]? Alpha(VerbRun run, IReadOnlyList<int> ranks) =>
        run.Flags.Has(TrainingFlags.Alpha) && !run.Flags.Has(FederationFlags.Scaling)
            ? [.. ranks.Select(r => run.Get(TrainingFlags.Alpha).Of(Math.Max(r, 1)))]
            : null;

    private static int[][] Split(VerbRun run, IReadOnlyList<DataRecord> records)
    {
        string partition = run.Get(FederationFlags.Partition)!, where = run.Flags.Source(FederationFlags.Partition);
        ulong seed = Philox.Derive(run.Seed, PartitionStream);
        switch (partition.Split(':'))
        {
            case ["files"]:
                return ByFile(run, records);
            case ["iid"]:
                return DataPartition.Iid(records.Count, Count(run), seed);
            case ["sizes", { } list]:
                int[] sizes = [.. FlagTypes.Ints(1).Parse(new FlagText(where, [list]))];
                RequireClients(run, sizes.Length);
                return DataPartition.BySizes(records.Count, sizes, seed);
            case ["dirichlet", { } number, { Length: > 0 } field]:
                double alpha = FlagTypes.Number("dirichlet:ALPHA:FIELD with ALPHA above 0", v => v > 0).Parse(new FlagText(where, [number]));
                string[] labels = [.. records.Select(record => record.Label(field))];
                return DataPartition.Dirichlet(labels, Count(run), alpha, run.Get(FederationFlags.MinimumExamples), seed);
            default:
                throw new InvalidInputException(where, "iid, dirichlet:ALPHA:FIELD, sizes:N,N,… or files", $"'{partition}'");
        }
    }

    private static int[][] ByFile(VerbRun run, IReadOnlyList<DataRecord> records)
    {
        IReadOnlyList<string> files = run.Get(DataFlags.Data);
        if (files.Distinct().Count() < files.Count) throw new InvalidInputException(run.Flags.Source(DataFlags.Data), "each client's file once", "one of them twice");
        RequireClients(run, files.Count);
        ILookup<string, int> byFile = Enumerable.Range(0, records.Count).ToLookup(i => records[i].File);
        return [.. files.Select(file => byFile[file].ToArray())];
    }

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
}
