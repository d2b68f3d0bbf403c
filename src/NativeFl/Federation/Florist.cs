using System.Globalization;
using NativeFl.Models;
using NativeFl.Tensors;

namespace NativeFl.Federation;

/// <summary>
/// FLoRIST (Ramesh and Dass, arXiv:2506.09199): FLoRA's stack, decomposed and cut to the fewest singular values that hold a share τ of the energy
/// Σ σ². It goes into the base as FLoRA's does; what a client downloads shrinks from Σ_k r_k rows to that rank. τ = 1 is FLoRA.
/// </summary>
public sealed class Florist : IAggregationMethod
{
    private readonly double _energy = 0.95;

    /// <inheritdoc/>
    public string Name => "florist";

    /// <summary>τ, above 0 and at most 1: the share of Σ σ² that is kept in every module.</summary>
    /// <exception cref="InvalidInputException">It is out of range.</exception>
    public double Energy
    {
        get => _energy;
        init => _energy = value is > 0 and <= 1
            ? value
            : throw new InvalidInputException("--energy", "a share above 0 and at most 1", value.ToString(CultureInfo.InvariantCulture));
    }

    /// <inheritdoc/>
    public ClientStart Start => ClientStart.Fresh;

    /// <inheritdoc/>
    public IReadOnlyList<ClientSpecification> Admit(IReadOnlyList<ClientSpecification> clients) => clients;

    /// <inheritdoc/>
    public Aggregation Aggregate(Contributions clients, ServerState server)
    {
        ArgumentNullException.ThrowIfNull(clients);
        AdapterWeights cut = StackSpectrum.Map(clients, (_, spectrum) => spectrum.Truncated(spectrum.RankFor(Energy)));
        return new Aggregation { Merge = cut, Product = cut };
    }

    /// <summary>What the cut left: 4 Σ_modules rank (in + out).</summary>
    public long DownloadBytes(Aggregation aggregation, AdapterWeights client) => sizeof(float) * aggregation.Product.ParameterCount;
}
