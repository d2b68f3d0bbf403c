using NativeFl.Data;
using NativeFl.Models;

namespace NativeFl.Federation;

/// <summary>
/// What the clients of a round changed, for games that ask what each change is worth: Δ_k = s_k B_kᵀ A_k − s_k⁰ B_k⁰ᵀ A_k⁰, its adapter less the
/// one that it started from. A fresh adapter has B = 0, so that Δ_k is its adapter's product; a client that goes on from the server's adapter
/// counts with what it did to it. A client that hands back what it was given, or that trained nothing, changed nothing: no module of it is
/// here, and no arithmetic is done with it.
/// </summary>
public sealed class ClientChanges
{
    private readonly HashSet<ModuleId>[] _trained;

    private ClientChanges(Contributions round, AdapterWeights[] changes, IReadOnlyList<AdapterWeights> beside)
    {
        Ids = [.. round.Clients.Select(c => c.Id)];
        Weights = [.. round.Clients.Select(c => c.Weight)];
        Renormalization = round.Renormalization;
        _trained = [.. round.Clients.Select(c => c.Adapter.Modules.Where(m => m.Value.Rank > 0).Select(m => m.Key).ToHashSet())];
        (Changes, Beside) = (changes, beside);
    }

    /// <summary>The clients that count, ascending: the players of the games.</summary>
    public IReadOnlyList<int> Ids { get; }

    /// <summary>p_k of the round (Σ p_k = 1), by player.</summary>
    public IReadOnlyList<double> Weights { get; }

    /// <summary>Over whom the weights of a module sum to one.</summary>
    public Renormalization Renormalization { get; }

    /// <summary>Whether a player changed anything.</summary>
    public bool HasChanged(int player) => Changes[player].Modules.Count > 0;

    /// <summary>Δ_k by player; modules that it left alone are absent.</summary>
    internal IReadOnlyList<AdapterWeights> Changes { get; }

    /// <summary>What lies beside the base under every coalition: the server's adapters of the round's beginning.</summary>
    internal IReadOnlyList<AdapterWeights> Beside { get; }

    /// <summary>
    /// What the weights of a module are divided by: under <see cref="Renormalization.None"/> Σ p_k over the clients that are there, under
    /// <see cref="Renormalization.Module"/> over those of them that trained it.
    /// </summary>
    internal double WeightOn(ModuleId? module, Func<int, bool> isThere)
    {
        double sum = 0;
        for (int k = 0; k < Ids.Count; k++)
        {
            if (isThere(k) && (Renormalization == Renormalization.None || module is not { } id || _trained[k].Contains(id))) sum += Weights[k];
        }

        return sum;
    }

    /// <summary>The floating-point operations of a pass over examples with every client's change: forward alone, and forward and backward.</summary>
    public (double Forward, double Both) Costs(ModelConfig config, IReadOnlyList<TokenizedExample> examples)
    {
        var operations = new PassOperations(config);
        long values = Changes.Concat(Beside).Sum(adapter => adapter.ParameterCount);
        return (operations.Forward(examples, values), operations.Training(examples, values));
    }

    /// <summary>The changes of a round.</summary>
    /// <param name="round">What came back, with the weights.</param>
    /// <param name="starts">By client id what its adapter was before; who is absent started from B = 0.</param>
    /// <param name="server">The server when the round began; null: the base is all there is.</param>
    public static ClientChanges Of(
        Contributions round, IReadOnlyDictionary<int, AdapterWeights>? starts = null, ServerState? server = null)
    {
        ArgumentNullException.ThrowIfNull(round);
        AdapterWeights[] changes = [.. round.Clients.Select(c => Change(c.Adapter, starts?.GetValueOrDefault(c.Id)))];
        return new ClientChanges(round, changes, server?.Adapters ?? []);
    }

    private static AdapterWeights Change(AdapterWeights now, AdapterWeights? start)
    {
        var modules = new SortedDictionary<ModuleId, LoraFactors>();
        foreach ((ModuleId module, LoraFactors factors) in now.Modules)
        {
            LoraFactors? before = start?.Modules.GetValueOrDefault(module);
            if (before is { Rank: 0 }) before = null;
            if (IsZero(factors) && before is null) continue;
            if (before is null) modules.Add(module, factors);
            else if (!IsSame(factors, before)) modules.Add(module, StackedFactors.Of([new WeightedFactors(1, factors), new WeightedFactors(-1, before)]));
        }

        return new AdapterWeights(modules);
    }

    private static bool IsZero(LoraFactors f) =>
        f.Rank == 0 || f.Scaling == 0 || Array.TrueForAll(f.B, x => x == 0) || Array.TrueForAll(f.A, x => x == 0);

    private static bool IsSame(LoraFactors x, LoraFactors y) =>
        x.Rank == y.Rank && x.Scaling == y.Scaling && x.A.AsSpan().SequenceEqual(y.A) && x.B.AsSpan().SequenceEqual(y.B);
}
