using System.Text.Json.Nodes;
using NativeFl.Cli.Flags;
using NativeFl.Federation;
using NativeFl.Models;

namespace NativeFl.Cli;

/// <summary>federate --refine: what its clients keep of their records.</summary>
internal static class FederationRefinement
{
    /// <summary>What --refine says, or null.</summary>
    public static ClientRefinement? Of(VerbRun run) =>
        run.Get(FederationFlags.Refine) is { } text ? ClientRefinement.Parse(text, run.Flags.Source(FederationFlags.Refine)) : null;

    /// <summary>The clients with what they keep: all of it without --refine.</summary>
    /// <param name="run">The run.</param>
    /// <param name="refinement">What --refine says, or null.</param>
    /// <param name="options">The federation.</param>
    /// <param name="clients">Who, with all their records.</param>
    /// <param name="model">The base as the rounds go on from it.</param>
    /// <param name="original">The base as it came, where the rounds of a run before have changed it; opened only if it is needed.</param>
    public static FederationClients Apply(
        VerbRun run, ClientRefinement? refinement, FederationOptions options, FederationClients clients, Transformer model, Func<Transformer>? original)
    {
        if (refinement is null) return clients;
        using Transformer? own = original?.Invoke();
        using var bar = new ProgressBar(run, "refine");
        IReadOnlyList<ClientSpecification> kept = refinement.Apply(
            own ?? model, options, clients.Clients, clients.Examples, (done, of) => bar.Report(done, of, 0, ""), run.Cancellation);
        bar.Wipe();
        run.Print($"{refinement.Method}: clients keep {string.Join(", ", kept.Select((client, k) => $"{client.Examples.Count} of {clients.Clients[k].Examples.Count}"))} records");
        return clients with { Clients = kept };
    }

    /// <summary>Counts, and nothing else that clients know; null without --refine.</summary>
    public static JsonObject? Json(ClientRefinement? refinement, FederationClients all, FederationClients kept) => refinement is null
        ? null
        : new JsonObject
        {
            ["method"] = refinement.Method,
            ["records"] = JsonOutput.Integers(all.Clients.Select(client => client.Examples.Count)),
            ["kept"] = JsonOutput.Integers(kept.Clients.Select(client => client.Examples.Count)),
        };
}
