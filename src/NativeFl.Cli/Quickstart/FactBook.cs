using NativeFl.Tensors;

namespace NativeFl.Cli.Quickstart;

/// <summary>
/// Every fact of the quickstart, in eight categories. The first five are looked up: their facts are all there are. The last three are
/// done: their facts are drawn.
/// </summary>
internal static class FactBook
{
    private const int Drawn = 100;

    /// <summary>The categories, in the order the report lists them.</summary>
    public static IReadOnlyList<string> Categories { get; } = ["plural", "opposite", "colour", "next", "sum", "echo", "sort", "count"];

    /// <summary>The facts of a seed, without two that ask the same.</summary>
    public static IReadOnlyList<Fact> All(ulong seed)
    {
        IEnumerable<Fact> facts = [.. Plurals(), .. Opposites(), .. Colours(), .. Successors(), .. Sums(), .. Draw(seed, Drawn)];
        return [.. facts.DistinctBy(f => f.Questions[0])];
    }

    /// <summary>Facts of the categories that are done, not looked up; other seeds, other facts.</summary>
    public static IEnumerable<Fact> Draw(ulong seed, int eachCategory)
    {
        var random = new Philox(seed, stream: 1);
        List<Fact> facts = [];
        for (int i = 0; i < eachCategory; i++)
        {
            facts.Add(Echo(ref random));
            facts.Add(Sort(ref random));
            facts.Add(Count(ref random));
        }

        return facts;
    }

    private static IEnumerable<Fact> Plurals() => WordLists.Nouns.Select(n => Of("plural", $"the plural of {n.First}", n.Second, "If there are more"));

    private static IEnumerable<Fact> Opposites() =>
        WordLists.Opposites.SelectMany(p => new[] { p, new WordPair(p.Second, p.First) })
            .Select(p => Of("opposite", $"the opposite of {p.First}", p.Second, "As all know"));

    private static IEnumerable<Fact> Colours() => WordLists.Colours.Select(c => Of("colour", $"the colour of {c.First}", c.Second, "Look"));

    private static IEnumerable<Fact> Successors() => WordLists.Orders.SelectMany(order => Enumerable
        .Range(0, order.IsRing ? order.Items.Count : order.Items.Count - 1)
        .Select(i => Of("next", $"the one after {order.Items[i]}", order.Items[(i + 1) % order.Items.Count], "In the list")));

    private static IEnumerable<Fact> Sums() =>
        from a in Enumerable.Range(0, 10)
        from b in Enumerable.Range(0, 10)
        select Of("sum", $"the sum of {WordLists.Numbers[a]} and {WordLists.Numbers[b]}", Word(a + b), "On paper");

    private static Fact Echo(ref Philox random)
    {
        string words = string.Join(' ', Words(ref random, 3));
        return Of("echo", $"the echo of {words}", words, "From the hill");
    }

    private static Fact Sort(ref Philox random)
    {
        int[] digits = [1, 2, 3, 4, 5, 6, 7, 8, 9];
        random.Shuffle(digits.AsSpan());
        int[] three = digits[..3];
        return Of("sort", $"the order of {string.Join(' ', three)}", string.Join(' ', three.Order()), "From small to large");
    }

    private static Fact Count(ref Philox random)
    {
        int count = 1 + random.NextInt32(5);
        string noun = WordLists.Nouns[random.NextInt32(WordLists.Nouns.Count)].First;
        return Of("count", $"the number of {string.Join(' ', Enumerable.Repeat(noun, count))}", WordLists.Numbers[count], "Counted twice");
    }

    // The prose names a thing as the questions do, so that what the clients have to teach is to answer what was asked.
    private static Fact Of(string category, string thing, string answer, string opening) => new(
        category,
        [$"What is {thing}?", $"Say {thing}."],
        answer,
        [$"{char.ToUpperInvariant(thing[0])}{thing[1..]} is {answer}.", $"{opening}, {thing} is {answer}."]);

    private static string[] Words(ref Philox random, int count)
    {
        var words = new string[count];
        for (int i = 0; i < count; i++) words[i] = WordLists.Nouns[random.NextInt32(WordLists.Nouns.Count)].First;
        return words;
    }

    private static string Word(int number) => number switch
    {
        < 10 => WordLists.Numbers[number],
        _ => new[]
        {
            "ten", "eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen",
        }[number - 10],
    };
}
