using System.Text.Json;
using System.Text.Json.Nodes;
using NativeFl.Cli.Flags;
using NativeFl.Data;
using NativeFl.Models;
using NativeFl.Tensors;

namespace NativeFl.Cli;

/// <summary>
/// What train trains on: all records of --data, or with --partition those of one client, in the client's order and with the seed that
/// federate gave it.
/// </summary>
internal sealed class PartitionedData
{
    private PartitionedData(IReadOnlyList<TokenizedExample> examples, ulong seed, int rank, double alpha, DroppedSublayers? dropped = null)
    {
        Dropped = dropped ?? DroppedSublayers.None;
        Examples = examples;
        Seed = seed;
        Rank = rank;
        Alpha = alpha;
    }

    /// <summary>The sequences to train on.</summary>
    public IReadOnlyList<TokenizedExample> Examples { get; }

    /// <summary>Of a fresh adapter, the data order and dropout.</summary>
    public ulong Seed { get; }

    /// <summary>Of a fresh adapter.</summary>
    public int Rank { get; }

    /// <summary>Of a fresh adapter.</summary>
    public double Alpha { get; }

    /// <summary>What the client's model goes without.</summary>
    public DroppedSublayers Dropped { get; }

    /// <summary>Reads --data, and --partition with --client and --round. Flags given by hand win over what the partition says.</summary>
    public static PartitionedData Load(VerbRun run, ModelInput input)
    {
        IReadOnlyList<DataRecord> records = RecordReader.Read(run.Get(DataFlags.Data));
        int rank = run.Get(TrainingFlags.Rank);
        string path = run.Get(PartitionFlags.Partition);
        if (path.Length == 0)
        {
            foreach (IFlag flag in new IFlag[] { PartitionFlags.Client, PartitionFlags.Round })
            {
                if (run.Flags.Has(flag)) throw new InvalidInputException(run.Flags.Source(flag), "--partition with it", "none");
            }

            return new PartitionedData(
                TrainingData.Tokenize(run, records, input.Config, input.Tokenizer), run.Seed, rank, run.Get(TrainingFlags.Alpha).Of(rank));
        }

        int client = run.Get(PartitionFlags.Client) ?? throw new InvalidInputException("--client", "the number of a client of --partition", "nothing");
        using JsonDocument document = JsonInput.Read(path);
        try
        {
            return Of(run, path, client, Find(document, path, client), input, records);
        }
        catch (Exception e) when (e is KeyNotFoundException or InvalidOperationException or FormatException)
        {
            throw new InvalidInputException(path, "a partition.json that federate wrote", "another JSON", e);
        }
    }

    private static PartitionedData Of(
        VerbRun run, string path, int client, JsonElement entry, ModelInput input, IReadOnlyList<DataRecord> records)
    {
        string where = $"{path}: client {client}";
        int round = run.Get(PartitionFlags.Round);
        if (entry.TryGetProperty("kept", out _)) throw new InvalidInputException(where, "a client that trains on all its records", "one that chooses among them (federate --refine)");
        JsonElement seeds = entry.GetProperty("seeds");
        if (round > seeds.GetArrayLength())
            throw new InvalidInputException(run.Flags.Source(PartitionFlags.Round), $"a round from 1 to {seeds.GetArrayLength()}", $"{round}");
        int rank = run.Flags.Has(TrainingFlags.Rank) ? run.Get(TrainingFlags.Rank) : RankOf(where, entry.GetProperty("rank").GetInt32());
        double alpha = run.Flags.Has(TrainingFlags.Alpha) ? run.Get(TrainingFlags.Alpha).Of(rank) : AlphaOf(where, rank, entry.GetProperty("alpha"));
        ulong seed = run.Flags.Has(SharedFlags.Seed) ? run.Seed : seeds[round - 1].GetUInt64();
        IReadOnlyList<DataRecord> own = Select(path, where, entry.GetProperty("records"), records);
        DroppedSublayers dropped = DroppedSublayers.Read(JsonObject.Create(entry.Clone())!, where, input.Config);
        return new PartitionedData(TrainingData.Tokenize(run, own, input.Config, input.Tokenizer), seed, rank, alpha, dropped);
    }

    private static int RankOf(string where, int rank) => rank switch
    {
        < 1 => throw new InvalidInputException(where, "a rank above 0, for there is nothing else to train", $"{rank}"),
        > TrainingFlags.LargestRank => throw new InvalidInputException(where, $"a rank of at most {TrainingFlags.LargestRank}", $"{rank}"),
        _ => rank,
    };

    private static double AlphaOf(string where, int rank, JsonElement alpha)
    {
        double value = alpha.GetDouble();
        return value > 0 && float.IsFinite((float)(value / rank))
            ? value
            : throw new InvalidInputException(where, "an alpha above 0 whose scaling f32 can hold", alpha.GetRawText());
    }

    private static DataRecord[] Select(string path, string where, JsonElement ids, IReadOnlyList<DataRecord> records)
    {
        Dictionary<string, DataRecord> byId = records.ToDictionary(record => record.Id);
        DataRecord[] own = [.. ids.EnumerateArray().Select(id => id.ValueKind == JsonValueKind.String && byId.TryGetValue(id.GetString()!, out DataRecord? record)
            ? record
            : throw new InvalidInputException(path, "ids of records in --data", id.ValueKind == JsonValueKind.String ? $"'{id.GetString()}'" : id.GetRawText()))];
        if (own.GroupBy(record => record.Id).FirstOrDefault(same => same.Count() > 1) is { } twice)
            throw new InvalidInputException(where, "every record once", $"'{twice.Key}' {twice.Count()} times");
        return own.Length > 0 ? own : throw new InvalidInputException(where, "at least one record", "none");
    }

    private static JsonElement Find(JsonDocument document, string path, int client)
    {
        JsonElement clients = document.RootElement.GetProperty("clients");
        foreach (JsonElement entry in clients.EnumerateArray())
        {
            if (entry.GetProperty("id").GetInt32() == client) return entry;
        }

        throw new InvalidInputException("--client", $"one of the {clients.GetArrayLength()} clients of {path}", $"{client}");
    }
}
