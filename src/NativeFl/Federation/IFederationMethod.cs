namespace NativeFl.Federation;

/// <summary>A way to learn from many clients; one type and one file a method.</summary>
public interface IFederationMethod
{
    /// <summary>Its name on the command line.</summary>
    string Name { get; }

    /// <summary>Which clients it takes that go without some sublayers.</summary>
    ClientDepth Depth => ClientDepth.Any;

    /// <summary>The clients that the method runs with: the given ones, or fewer.</summary>
    /// <exception cref="Tensors.InvalidInputException">The method cannot work with their ranks.</exception>
    IReadOnlyList<ClientSpecification> Admit(IReadOnlyList<ClientSpecification> clients);
}
