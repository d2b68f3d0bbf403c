using NativeFl.Tensors;

namespace NativeFl.Federation;

/// <summary>The games of a round's clients by their names on the command line.</summary>
public static class ClientGames
{
    /// <summary>Both of them.</summary>
    public const string Both = "both";

    /// <summary>What <see cref="Find"/> takes.</summary>
    public static IReadOnlyList<string> Names => ["fixed", "renormalised", Both];

    /// <summary>How many games a name stands for.</summary>
    /// <exception cref="InvalidInputException">It is none.</exception>
    public static int Count(string name) =>
        Names.Contains(name) ? (name == Both ? 2 : 1) : throw new InvalidInputException("--value-clients", string.Join(", ", Names), $"'{name}'");

    /// <summary>The games of a name, the fixed one first.</summary>
    /// <exception cref="InvalidInputException">There is none.</exception>
    public static IReadOnlyList<ClientGame> Find(string name, ClientStack stack)
    {
        Count(name);
        IReadOnlyList<ClientGame> all = [ClientGame.Fixed(stack), ClientGame.Renormalised(stack)];
        return name == Both ? all : [.. all.Where(game => game.Name == name)];
    }
}
