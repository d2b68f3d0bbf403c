using System.Globalization;
using System.Text.Json.Nodes;
using NativeFl.Cli.Flags;
using NativeFl.Federation;
using NativeFl.LayerDropping;
using NativeFl.Models;
using NativeFl.Tensors;

namespace NativeFl.Cli;

/// <summary>The depth of every client, from --client-drops or from --memory-budget.</summary>
internal static class FederationDepth
{
    /// <summary>The clients with what --client-drops takes from them.</summary>
    public static FederationClients WithDrops(VerbRun run, ModelConfig config, FederationClients clients)
    {
        if (run.Get(DepthFlags.ClientDrops) is not { Length: > 0 } path) return clients;
        if (run.Flags.Has(DepthFlags.MemoryBudget))
            throw new InvalidInputException(run.Flags.Source(DepthFlags.MemoryBudget), "either --client-drops or --memory-budget", "both");
        IReadOnlyDictionary<int, DroppedSublayers> drops = ClientDropsFile.Read(path, config, clients.Clients.Count);
        return clients with { Clients = [.. clients.Clients.Select(c => drops.TryGetValue(c.Id, out DroppedSublayers? dropped) ? c with { Dropped = dropped } : c)] };
    }

    /// <summary>What --memory-budget says, or null; refused with what does not go with it.</summary>
    public static MemoryBudget? Budget(VerbRun run, ModelConfig config, IFederationMethod method, int clients)
    {
        if (!run.Flags.Has(DepthFlags.MemoryBudget))
        {
            IFlag? lost = ((IFlag[])[DepthFlags.LowestRank, DepthFlags.DropOrder]).FirstOrDefault(run.Flags.Has);
            return lost is null ? null : throw new InvalidInputException(run.Flags.Source(lost), "--memory-budget with it", "none");
        }

        string order = run.Get(DepthFlags.DropOrder);
        var budget = new MemoryBudget
        {
            Bytes = run.Get(DepthFlags.MemoryBudget),
            LowestRank = run.Get(DepthFlags.LowestRank),
            Order = order.Length == 0 ? null : DropOrderFile.Read(order, config),
        };
        budget.Require(method, clients);
        return budget;
    }

    /// <summary>Which plan the clients have, for the run's identity: on another device a budget may come to another one. Null without a budget.</summary>
    public static string? PlanOf(IReadOnlyList<ClientSpecification> clients)
    {
        if (clients.All(c => c.BudgetBytes is null)) return null;
        var hash = new ContentHash();
        foreach (ClientSpecification client in clients)
        {
            hash.Add(client.Rank);
            foreach (Sublayer sublayer in client.Dropped.Sublayers) hash.Add(sublayer.Index);
            hash.Add(-1);
        }

        return hash.ToString();
    }

    /// <summary>A line on every client that has a plan.</summary>
    public static void Print(VerbRun run, IReadOnlyList<ClientSpecification> clients)
    {
        foreach (ClientSpecification client in clients)
        {
            if (client is not { BudgetBytes: { } budget, PlannedBytes: { } planned }) continue;
            string depth = client.Dropped.Count == 0 ? "whole depth" : $"without {client.Dropped}";
            run.Print(string.Create(
                CultureInfo.InvariantCulture, $"client {client.Id}: {Figures.Bytes(planned)} of {Figures.Bytes(budget)}, rank {client.Rank}, {depth}"));
        }
    }

    /// <summary>
    /// [{"id","rank","alpha","sublayers","drop_attn_list","drop_mlp_list","base_bytes","budget_bytes","planned_bytes"}, …]: what every client has of
    /// the base, or null where all have the whole of it and no budget.
    /// </summary>
    public static JsonArray? Json(IReadOnlyList<ClientSpecification> clients, ModelConfig config, DType storage) =>
        clients.All(c => c.Dropped.Count == 0 && c.BudgetBytes is null) ? null : new JsonArray([.. clients.Select(client => Client(client, config, storage))]);

    private static JsonObject Client(ClientSpecification client, ModelConfig config, DType storage)
    {
        ModelConfig own = config.Without(client.Dropped);
        return new JsonObject
        {
            ["id"] = client.Id,
            ["rank"] = client.Rank,
            ["alpha"] = JsonOutput.Number(client.Alpha),
            ["sublayers"] = own.Sublayers().Count(),
            ["drop_attn_list"] = LayerJson.Mask(own.Dropped.Mask(SublayerKind.Attention, own.LayerCount)),
            ["drop_mlp_list"] = LayerJson.Mask(own.Dropped.Mask(SublayerKind.Mlp, own.LayerCount)),
            ["base_bytes"] = Checkpoint.ExpectedTensors(own).Sum(tensor => tensor.Shape.Aggregate(1L, (x, y) => x * y)) * storage.Size(),
            ["budget_bytes"] = client.BudgetBytes,
            ["planned_bytes"] = client.PlannedBytes,
        };
    }
}
