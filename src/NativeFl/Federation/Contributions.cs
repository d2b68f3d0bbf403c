using System.Globalization;
using NativeFl.Models;
using NativeFl.Tensors;

namespace NativeFl.Federation;

/// <summary>
/// The clients of one aggregation, checked and in the order of their ids, with the weights p_k. Who weighs nothing is left out here,
/// so that a NaN there cannot reach anything (0 · NaN = NaN).
/// </summary>
public sealed class Contributions
{
    private readonly SortedDictionary<ModuleId, List<WeightedFactors>> _modules = [];

    /// <summary>Checks and normalises.</summary>
    /// <param name="clients">In any order; ids are distinct.</param>
    /// <param name="renormalization">Over whom the weights of a module sum to one.</param>
    /// <param name="input">The flag or file that gave the weights, for errors.</param>
    /// <exception cref="InvalidInputException">Bad weights, values that are not finite, or shapes that differ between clients.</exception>
    public Contributions(
        IReadOnlyList<ClientContribution> clients, Renormalization renormalization = Renormalization.None, string input = "--weights")
    {
        ArgumentNullException.ThrowIfNull(clients);
        ClientContribution[] ordered = [.. clients.OrderBy(c => c.Id)];
        double[] weights = ClientWeights.Normalise([.. ordered.Select(c => c.Weight)], input);
        Clients = [.. ordered.Zip(weights, (client, p) => client with { Weight = p }).Where(c => c.Weight > 0)];
        Renormalization = renormalization;
        foreach (ClientContribution client in Clients) Add(client);
        if (renormalization == Renormalization.Module) Renormalise();
    }

    /// <summary>The clients that count, by id, with p_k (Σ p_k = 1).</summary>
    public IReadOnlyList<ClientContribution> Clients { get; }

    /// <summary>How the weights of a module were made.</summary>
    public Renormalization Renormalization { get; }

    /// <summary>The modules that at least one of them trained, in model order.</summary>
    public IReadOnlyCollection<ModuleId> Modules => _modules.Keys;

    /// <summary>Who trained a module: its weight there and its factors, by id.</summary>
    public IReadOnlyList<WeightedFactors> this[ModuleId module] => _modules[module];

    /// <summary>Adapters from elsewhere, client k = the k-th of the list.</summary>
    public static Contributions Of(
        IReadOnlyList<AdapterWeights> adapters, IReadOnlyList<double> weights, Renormalization renormalization = Renormalization.None)
    {
        ArgumentNullException.ThrowIfNull(adapters);
        ArgumentNullException.ThrowIfNull(weights);
        if (adapters.Count != weights.Count)
        {
            string got = string.Create(CultureInfo.InvariantCulture, $"{weights.Count} for {adapters.Count} adapters");
            throw new InvalidInputException("--weights", "one weight an adapter", got);
        }

        return new Contributions([.. adapters.Select((a, k) => new ClientContribution(k, weights[k], a))], renormalization);
    }

    private void Add(ClientContribution client)
    {
        foreach ((ModuleId module, LoraFactors factors) in client.Adapter.Modules)
        {
            if (factors.Rank == 0) continue;
            bool finite = Array.TrueForAll(factors.A, float.IsFinite) && Array.TrueForAll(factors.B, float.IsFinite);
            if (!finite || !float.IsFinite(factors.Scaling))
                throw new InvalidInputException($"adapter of client {client.Id}, {module}", "finite values", "NaN or infinity");
            if (!_modules.TryGetValue(module, out List<WeightedFactors>? parts)) _modules.Add(module, parts = []);
            if (parts.Count > 0 && (parts[0].Factors.OutFeatures, parts[0].Factors.InFeatures) != (factors.OutFeatures, factors.InFeatures))
            {
                LoraFactors first = parts[0].Factors;
                throw new InvalidInputException(
                    $"adapter of client {client.Id}, {module}", $"(out, in) = ({first.OutFeatures}, {first.InFeatures}) as before it",
                    $"({factors.OutFeatures}, {factors.InFeatures})");
            }

            parts.Add(new WeightedFactors(client.Weight, factors));
        }
    }

    private void Renormalise()
    {
        foreach (List<WeightedFactors> parts in _modules.Values)
        {
            double sum = parts.Sum(p => p.Weight);
            for (int k = 0; k < parts.Count; k++) parts[k] = parts[k] with { Weight = parts[k].Weight / sum };
        }
    }
}
