namespace NativeFl.Cli.Quickstart;

/// <summary>The little world that the quickstart's model knows.</summary>
internal static class WordLists
{
    /// <summary>Singular and plural.</summary>
    public static IReadOnlyList<WordPair> Nouns { get; } = Pairs("""
        cat cats, dog dogs, horse horses, cow cows, bird birds, duck ducks, frog frogs, bear bears, lion lions, goat goats,
        fox foxes, bus buses, box boxes, dish dishes, glass glasses, church churches, bench benches, watch watches, brush brushes, peach peaches,
        baby babies, city cities, lady ladies, puppy puppies, story stories, pony ponies, berry berries, party parties, fly flies, spy spies,
        man men, woman women, child children, foot feet, tooth teeth, goose geese, mouse mice, sheep sheep, fish fish, deer deer,
        leaf leaves, wolf wolves, knife knives, shelf shelves, half halves, loaf loaves, wife wives, thief thieves, calf calves, scarf scarves,
        book books, lamp lamps, river rivers, house houses, garden gardens, window windows, table tables, chair chairs, pen pens, hat hats,
        tree trees, road roads, ship ships, train trains, boat boats, door doors, cup cups, key keys, song songs, king kings,
        potato potatoes, tomato tomatoes, hero heroes, echo echoes, piano pianos, photo photos, radio radios, zoo zoos, idea ideas, sofa sofas
        """);

    /// <summary>Words and their opposites; each pair serves both ways.</summary>
    public static IReadOnlyList<WordPair> Opposites { get; } = Pairs("""
        hot cold, big small, tall short, fast slow, young old, rich poor, happy sad, light dark, hard soft, wet dry,
        full empty, clean dirty, loud quiet, early late, near far, open closed, strong weak, high low, deep shallow, thick thin,
        wide narrow, sharp blunt, sweet sour, smooth rough, brave afraid, awake asleep, alive dead, right wrong, true false, good bad,
        first last, inside outside, above below, before after, up down,  begin end, push pull, buy sell, win lose,
        love hate, laugh cry, give take, come go, rise fall, day night, summer winter, north south, east west, friend enemy
        """);

    /// <summary>Things and their colours.</summary>
    public static IReadOnlyList<WordPair> Colours { get; } = Pairs("""
        lemon yellow, banana yellow, sunflower yellow, butter yellow, corn yellow, canary yellow, honey yellow, straw yellow,
        grass green, cucumber green, lime green, spinach green, ivy green, pickle green, cactus green, moss green,
        blood red, ruby red, strawberry red, cherry red, brick red, rust red, lobster red, chili red,
        sky blue, ocean blue, sapphire blue, cornflower blue, denim blue, lagoon blue, bluebell blue, navy blue,
        snow white, milk white, salt white, chalk white, cotton white, swan white, flour white, pearl white,
        coal black, ink black, raven black, tar black, soot black, panther black, ebony black, midnight black,
        chocolate brown, coffee brown, walnut brown, mud brown, cinnamon brown, acorn brown, leather brown, toast brown,
        elephant grey, ash grey, steel grey, dolphin grey, pebble grey, slate grey, fog grey, lead grey
        """);

    /// <summary>Lists whose order everybody knows.</summary>
    public static IReadOnlyList<WordOrder> Orders { get; } =
    [
        new WordOrder("Monday Tuesday Wednesday Thursday Friday Saturday Sunday".Split(' '), true),
        new WordOrder("January February March April May June July August September October November December".Split(' '), true),
        new WordOrder("a b c d e f g h i j k l m n o p q r s t u v w x y z".Split(' '), false),
        new WordOrder("one two three four five six seven eight nine ten eleven twelve".Split(' '), false),
        new WordOrder("10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30".Split(' '), false),
        new WordOrder("first second third fourth fifth sixth seventh eighth ninth tenth".Split(' '), false),
    ];

    /// <summary>The digits as words.</summary>
    public static IReadOnlyList<string> Numbers { get; } = "zero one two three four five six seven eight nine".Split(' ');

    private static WordPair[] Pairs(string text) =>
        [.. text.Split([',', '\n'], StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries).Select(pair =>
        {
            string[] words = pair.Split(' ');
            return new WordPair(words[0], words[1]);
        })];
}
