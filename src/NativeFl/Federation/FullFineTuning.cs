namespace NativeFl.Federation;

/// <summary>
/// FedAvg on all weights (McMahan et al., AISTATS 2017, arXiv:1602.05629): every client trains the whole model, W = Σ p_k W_k. The papers'
/// upper baseline, and the dearest: the whole model goes both ways in every round.
/// </summary>
public sealed class FullFineTuning : IFederationMethod
{
    /// <inheritdoc/>
    public string Name => "full";

    /// <inheritdoc/>
    public ClientDepth Depth => ClientDepth.Whole;

    /// <inheritdoc/>
    public IReadOnlyList<ClientSpecification> Admit(IReadOnlyList<ClientSpecification> clients) => clients;
}
