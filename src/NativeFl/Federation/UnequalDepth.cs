using System.Globalization;
using NativeFl.Models;
using NativeFl.Tensors;

namespace NativeFl.Federation;

/// <summary>What clients that go without sublayers need of the base, of the adapters and of the method.</summary>
internal static class UnequalDepth
{
    private const string Flag = "--client-drops";

    /// <summary>Refuses what cannot run, by flag and client.</summary>
    public static void Require(FederationOptions options, IReadOnlyList<ClientSpecification> clients, ModelConfig config)
    {
        foreach (ClientSpecification client in clients.Where(c => c.Dropped.Count > 0)) Require(options, client, config);
        bool isAlike = clients.Select(c => c.Dropped).Distinct().Count() <= 1;
        ClientSpecification? shallow = clients.FirstOrDefault(c => c.Dropped.Count > 0);
        if (shallow is null || options.Method.Depth == ClientDepth.Any) return;
        if (options.Method.Depth == ClientDepth.Alike && (isAlike || options.Renormalization == Renormalization.Module)) return;
        string expected = options.Method.Depth == ClientDepth.Alike ? "clients of one depth, or --renormalize module" : "clients of whole depth";
        throw new InvalidInputException(
            $"--method {options.Method.Name}", $"{expected} (flora and zero-padding take any)",
            string.Create(CultureInfo.InvariantCulture, $"client {shallow.Id} without {shallow.Dropped}"));
    }

    private static void Require(FederationOptions options, ClientSpecification client, ModelConfig config)
    {
        string who = string.Create(CultureInfo.InvariantCulture, $"client {client.Id}");
        foreach (Sublayer sublayer in client.Dropped.Sublayers.Where(s => s.Layer < 0 || s.Layer >= config.LayerCount))
            throw new InvalidInputException(Flag, string.Create(CultureInfo.InvariantCulture, $"a layer below {config.LayerCount}"), $"{sublayer} of {who}");
        ModelConfig own = config.Without(client.Dropped);
        if (!own.Sublayers().Any(s => s.Kind == SublayerKind.Attention))
            throw new InvalidInputException(Flag, "at least one attention layer kept", $"all of them dropped for {who}");
        if (client.Rank > 0 && !own.Modules().Any(module => IsTrained(options, module)))
            throw new InvalidInputException(Flag, "at least one of the adapted layers kept, or rank 0", $"none of them for {who}");
    }

    /// <summary>Whether the run's adapters are on a module.</summary>
    public static bool IsTrained(FederationOptions options, ModuleId module) =>
        options.Initial is { } start ? start.Modules.ContainsKey(module) : options.Lora.Targets.Matches(module);
}
