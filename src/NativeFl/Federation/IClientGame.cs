using NativeFl.Models;
using NativeFl.Valuation;

namespace NativeFl.Federation;

/// <summary>A game of a round's clients, played by masks on their stack.</summary>
public interface IClientGame : ICoalitionGame
{
    /// <summary>Its name on the command line.</summary>
    string Name { get; }

    /// <summary>The round.</summary>
    ClientStack Stack { get; }

    /// <summary>What a client's change weighs in a coalition; 0 for who is not in it.</summary>
    /// <param name="coalition">Who is there.</param>
    /// <param name="player">The client.</param>
    /// <param name="module">Where; it matters under <see cref="Renormalization.Module"/> alone, and null otherwise.</param>
    double WeightOf(Coalition coalition, int player, ModuleId? module);
}
