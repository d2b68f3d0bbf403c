using NativeFl.Tensors;

namespace NativeFl.DataRefinement;

/// <summary>
/// Proxies as the players of a game: each its own, or at random in groups whose sizes are at most one apart. A member's value is its group's
/// divided by the group's size, so that the values of all proxies still add up to v(all) − v(none).
/// </summary>
public static class PlayerGroups
{
    /// <summary>Up to so many proxies each is a player of its own unless a number is asked for; more become so many groups.</summary>
    public const int DefaultMost = 50;

    /// <summary>By group, ascending, the proxies that are in it.</summary>
    /// <param name="proxies">How many there are.</param>
    /// <param name="groups">How many groups, or null for the default.</param>
    /// <param name="seed">Of who comes into which.</param>
    /// <exception cref="InvalidInputException">More groups than proxies.</exception>
    public static IReadOnlyList<int[]> Of(int proxies, int? groups, ulong seed)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(proxies);
        int count = groups ?? Math.Min(proxies, DefaultMost);
        if (count < 1 || count > proxies) throw new InvalidInputException("--groups", $"from 1 to {proxies} groups, as many as there are proxies at most", $"{count}");
        if (count == proxies) return [.. Enumerable.Range(0, proxies).Select(proxy => new[] { proxy })];
        int[] order = [.. Enumerable.Range(0, proxies)];
        new Philox(seed, Stream).Shuffle<int>(order);
        return
        [
            .. Enumerable.Range(0, count).Select(group =>
            {
                int[] members = order[(int)((long)proxies * group / count)..(int)((long)proxies * (group + 1) / count)];
                Array.Sort(members);
                return members;
            }),
        ];
    }

    // Apart from the streams of the orders of players, which count up from 0.
    private const ulong Stream = 0x67726F757073;
}
