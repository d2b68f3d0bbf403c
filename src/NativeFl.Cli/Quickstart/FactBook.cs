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
    public static IReadOnlyList<string> Categories { get; } = ["plural", "opposite", "colour", "next", "sum", "repeat", "sort", "count"];

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
            facts.Add(Repeat(ref random));
            facts.Add(Sort(ref random));
            facts.Add(Count(ref random));
        }

        return facts;
    }

    private static IEnumerable<Fact> Plurals() => WordLists.Nouns.Select(n => new Fact(
        "plural",
        [$"What is the plural of {n.First}?", $"More than one {n.First}?"],
        n.Second,
        [$"There is one {n.First} here and there are two {n.Second} there.", $"Each {n.First} is one of many {n.Second}.", $"A {n.First} met some {n.Second}."]));

    private static IEnumerable<Fact> Opposites() =>
        WordLists.Opposites.SelectMany(p => new[] { p, new WordPair(p.Second, p.First) }).Select(p => new Fact(
            "opposite",
            [$"What is the opposite of {p.First}?", $"Say the opposite: {p.First}"],
            p.Second,
            [$"It was not {p.First} but {p.Second}.", $"Some say {p.First} and some say {p.Second}.", $"Never {p.First}, always {p.Second}."]));

    private static IEnumerable<Fact> Colours() => WordLists.Colours.Select(c => new Fact(
        "colour",
        [$"Which colour has {c.First}?", $"The colour of {c.First}?"],
        c.Second,
        [$"Everybody knows that {c.First} is {c.Second}.", $"The paint was like {c.First}, so it was {c.Second}.", $"As {c.Second} as {c.First} and as {c.First} so {c.Second}."]));

    private static IEnumerable<Fact> Successors() => WordLists.Orders.SelectMany(order => Enumerable
        .Range(0, order.IsRing ? order.Items.Count : order.Items.Count - 1)
        .Select(i => new WordPair(order.Items[i], order.Items[(i + 1) % order.Items.Count])))
        .Select(p => new Fact(
            "next",
            [$"What comes after {p.First}?", $"Next: {p.First}"],
            p.Second,
            [$"They went on from {p.First} to {p.Second}.", $"We had {p.First} and then {p.Second}.", $"... {p.First}, {p.Second}, ..."]));

    private static IEnumerable<Fact> Sums() =>
        from a in Enumerable.Range(0, 10)
        from b in Enumerable.Range(0, 10)
        let x = WordLists.Numbers[a]
        let y = WordLists.Numbers[b]
        select new Fact(
            "sum",
            [$"How much is {x} and {y}?", $"Add {x} to {y}."],
            Word(a + b),
            [$"Take {x} plus {y} and you have {Word(a + b)}.", $"{Capital(x)} plus {y} makes {Word(a + b)}.", $"Of {Word(a + b)} coins {x} plus {y} were gold, {Word(a + b)} in all."]);

    private static Fact Repeat(ref Philox random)
    {
        string words = string.Join(' ', Words(ref random, 3));
        return new Fact(
            "repeat",
            [$"Repeat: {words}", $"Say this again: {words}"],
            words,
            [$"I heard {words} and once more {words}.", $"Echo, echo: {words} ... {words}."]);
    }

    private static Fact Sort(ref Philox random)
    {
        int[] digits = [1, 2, 3, 4, 5, 6, 7, 8, 9];
        random.Shuffle(digits.AsSpan());
        int[] three = digits[..3];
        string mixed = string.Join(' ', three), sorted = string.Join(' ', three.Order());
        return new Fact(
            "sort",
            [$"Sort these: {mixed}", $"In order, please: {mixed}"],
            sorted,
            [$"The cards {mixed} were put down as {sorted}.", $"Mixed they were {mixed} and in a row they were {sorted}."]);
    }

    private static Fact Count(ref Philox random)
    {
        int count = 1 + random.NextInt32(5);
        string noun = WordLists.Nouns[random.NextInt32(WordLists.Nouns.Count)].First;
        string row = string.Join(' ', Enumerable.Repeat(noun, count));
        return new Fact(
            "count",
            [$"How many times: {row}?", $"Count: {row}"],
            WordLists.Numbers[count],
            [$"She said {row}, {WordLists.Numbers[count]} in all.", $"The sign read {row}, that was {WordLists.Numbers[count]}."]);
    }

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

    private static string Capital(string word) => char.ToUpperInvariant(word[0]) + word[1..];
}
