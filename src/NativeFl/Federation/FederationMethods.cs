using NativeFl.Tensors;

namespace NativeFl.Federation;

/// <summary>The methods by their names on the command line.</summary>
public static class FederationMethods
{
    /// <summary>Every method.</summary>
    public static IReadOnlyList<IFederationMethod> All =>
    [
        new FloraStacking(), new FloraUnmerged(), new Florist(), new FedAvg(), new ZeroPaddingFedAvg(), new FlexLora(), new FedExLora(), new LocalTraining(),
        new CentralizedTraining(), new FullFineTuning(), new FedAvgAsReleased(),
    ];

    /// <summary>The method of a name.</summary>
    /// <exception cref="InvalidInputException">There is none.</exception>
    public static IFederationMethod Find(string name) =>
        All.FirstOrDefault(m => m.Name == name) ?? throw Unknown(All, name);

    /// <summary>The method of a name that can aggregate adapters trained anywhere.</summary>
    /// <exception cref="InvalidInputException">There is none, or it does not aggregate adapters.</exception>
    public static IAggregationMethod FindAggregation(string name)
    {
        IAggregationMethod[] methods = [.. All.OfType<IAggregationMethod>().Where(m => m is not (LocalTraining or CentralizedTraining))];
        return methods.FirstOrDefault(m => m.Name == name) ?? throw Unknown(methods, name);
    }

    private static InvalidInputException Unknown(IEnumerable<IFederationMethod> methods, string name) =>
        new("--method", string.Join(", ", methods.Select(m => m.Name)), name);
}
