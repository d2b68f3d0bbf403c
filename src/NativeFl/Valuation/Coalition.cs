using System.Globalization;
using System.Numerics;
using NativeFl.Tensors;

namespace NativeFl.Valuation;

/// <summary>A set of players: records, groups of records or clients, by number.</summary>
public sealed class Coalition : IEquatable<Coalition>
{
    private const int WordBits = 64;

    private readonly ulong[] _words;

    private Coalition(int players, ulong[] words)
    {
        Players = players;
        _words = words;
        foreach (ulong word in words) Count += BitOperations.PopCount(word);
    }

    /// <summary>How many there are to choose from.</summary>
    public int Players { get; }

    /// <summary>How many are in it.</summary>
    public int Count { get; }

    /// <summary>Whether a player is in it.</summary>
    public bool this[int player] => (_words[player / WordBits] >> (player % WordBits) & 1) != 0;

    /// <summary>The players that are in it, ascending.</summary>
    public IEnumerable<int> Members => Enumerable.Range(0, Players).Where(player => this[player]);

    /// <summary>Nobody.</summary>
    public static Coalition None(int players)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(players);
        return new Coalition(players, new ulong[(players + WordBits - 1) / WordBits]);
    }

    /// <summary>Everybody.</summary>
    public static Coalition All(int players) => Of(players, Enumerable.Range(0, players));

    /// <summary>Those of a list; one that is in it twice counts once.</summary>
    public static Coalition Of(int players, IEnumerable<int> members)
    {
        ArgumentNullException.ThrowIfNull(members);
        Coalition none = None(players);
        foreach (int player in members)
        {
            ArgumentOutOfRangeException.ThrowIfNegative(player, nameof(members));
            ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(player, players, nameof(members));
            none._words[player / WordBits] |= 1UL << (player % WordBits);
        }

        return new Coalition(players, none._words);
    }

    /// <summary>Reads what <see cref="ToString"/> writes.</summary>
    /// <param name="players">How many there are to choose from.</param>
    /// <param name="text">Sixteen hexadecimal digits for every 64 players, the lowest first.</param>
    /// <param name="input">The file that it is in, for errors.</param>
    /// <exception cref="InvalidInputException">It is no such text, or names a player that there is not.</exception>
    public static Coalition Parse(int players, string text, string input)
    {
        ArgumentNullException.ThrowIfNull(text);
        ulong[] words = None(players)._words;
        bool isValid = text.Length == 16 * words.Length;
        for (int i = 0; isValid && i < words.Length; i++)
            isValid = ulong.TryParse(text.AsSpan(16 * i, 16), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out words[i]);
        int over = (words.Length * WordBits) - players;
        if (!isValid || (over > 0 && words[^1] >> (WordBits - over) != 0))
            throw new InvalidInputException(input, $"a set of {players} players, {16 * words.Length} hexadecimal digits", $"'{text}'");
        return new Coalition(players, words);
    }

    /// <summary>The same and one more.</summary>
    public Coalition With(int player) => this[player] ? this : Flipped(player);

    /// <summary>The same without one.</summary>
    public Coalition Without(int player) => this[player] ? Flipped(player) : this;

    /// <summary>The others.</summary>
    public Coalition Complement() => Of(Players, Enumerable.Range(0, Players).Where(player => !this[player]));

    /// <inheritdoc/>
    public bool Equals(Coalition? other) => other is not null && other.Players == Players && other._words.AsSpan().SequenceEqual(_words);

    /// <inheritdoc/>
    public override bool Equals(object? obj) => Equals(obj as Coalition);

    /// <inheritdoc/>
    public override int GetHashCode()
    {
        var hash = default(HashCode);
        foreach (ulong word in _words) hash.Add(word);
        return hash.ToHashCode();
    }

    /// <summary>Sixteen hexadecimal digits for every 64 players, the lowest first.</summary>
    public override string ToString() => string.Concat(_words.Select(word => word.ToString("x16", CultureInfo.InvariantCulture)));

    private Coalition Flipped(int player)
    {
        ulong[] words = [.. _words];
        words[player / WordBits] ^= 1UL << (player % WordBits);
        return new Coalition(Players, words);
    }
}
