using NativeFl.Models;

namespace NativeFl.Federation;

/// <summary>
/// FlexLoRA (Bai et al., NeurIPS 2024, arXiv:2402.11505): the server sums the exact ΔW = Σ_k p_k s_k B_kᵀ A_k, decomposes it, and client k goes on
/// from its r_k strongest directions, √σ u and √σ v. Any ranks; what lies beyond the largest rank is lost every round, and its norm is the
/// tail of the singular values. ΔW itself is never formed, see <see cref="StackSpectrum"/>.
/// </summary>
public sealed class FlexLora : IAggregationMethod
{
    /// <inheritdoc/>
    public string Name => "flexlora";

    /// <inheritdoc/>
    public ClientStart Start => ClientStart.Global;

    /// <inheritdoc/>
    public IReadOnlyList<ClientSpecification> Admit(IReadOnlyList<ClientSpecification> clients) => clients;

    /// <inheritdoc/>
    public Aggregation Aggregate(Contributions clients, ServerState server)
    {
        ArgumentNullException.ThrowIfNull(clients);
        ArgumentNullException.ThrowIfNull(server);
        AdapterWeights now = StackSpectrum.Map(clients, (module, spectrum) => spectrum.Truncated(Rank(module, clients, server)));
        var modules = new SortedDictionary<ModuleId, LoraFactors>(server.Global?.Modules.ToDictionary() ?? []);
        foreach ((ModuleId module, LoraFactors factors) in now.Modules) modules[module] = factors;
        var global = new AdapterWeights(modules);
        return new Aggregation { Global = global, Product = global };
    }

    /// <summary>One adapter of the client's own size.</summary>
    public long DownloadBytes(Aggregation aggregation, AdapterWeights client) => sizeof(float) * client.ParameterCount;

    /// <summary>As much as the client of the largest rank can hold, also where it was not drawn for this round.</summary>
    private static int Rank(ModuleId module, Contributions clients, ServerState server) =>
        Math.Max(clients[module].Max(c => c.Factors.Rank), server.Global?.Modules.GetValueOrDefault(module)?.Rank ?? 0);
}
