using System.Globalization;
using NativeFl.Models;
using NativeFl.Tensors;

namespace NativeFl.Federation;

/// <summary>Averaging A and B row by row means something only where all clients have the same rows.</summary>
internal static class EqualRanks
{
    private const string Expected = "clients of equal rank (flora and zero-padding take unequal ones)";

    /// <summary>The clients, or a refusal where their ranks are unequal.</summary>
    public static IReadOnlyList<ClientSpecification> Require(string method, IReadOnlyList<ClientSpecification> clients)
    {
        int[] ranks = [.. clients.Select(c => c.Rank).Distinct().Order()];
        if (ranks.Length <= 1) return clients;
        string got = string.Join(", ", ranks.Select(r => r.ToString(CultureInfo.InvariantCulture)));
        throw new InvalidInputException($"--method {method}", Expected, $"ranks {got}");
    }

    /// <summary>Refuses adapters of unequal rank on any module; a missing module is rank 0, unless only those that trained it count.</summary>
    public static void Require(string method, Contributions clients)
    {
        foreach (ModuleId module in clients.Modules)
        {
            IReadOnlyList<WeightedFactors> parts = clients[module];
            bool missing = parts.Count < clients.Clients.Count && clients.Renormalization == Renormalization.None;
            int low = missing ? 0 : parts.Min(p => p.Factors.Rank), high = parts.Max(p => p.Factors.Rank);
            if (low != high)
            {
                string got = string.Create(CultureInfo.InvariantCulture, $"ranks {low} and {high} on {module}");
                throw new InvalidInputException($"--method {method}", Expected, got);
            }
        }
    }
}
