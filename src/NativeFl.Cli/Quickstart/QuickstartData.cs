using NativeFl.Tensors;

namespace NativeFl.Cli.Quickstart;

/// <summary>
/// What the quickstart trains on. The base model reads prose in which every fact occurs, some of it as talk between two, so that it knows
/// what a turn is but not what an answer is; the clients ask and answer about three
/// quarters of the facts; the held-out questions are about the rest. So a right answer there shows that the form of answering was
/// learnt from the clients and carried over to facts that none of them asked for.
/// </summary>
internal sealed class QuickstartData
{
    private const int HeldOutOneIn = 4;
    private const ulong SplitStream = 2, TextStream = 3, FreshStream = 4, TalkStream = 5;
    private const int TalkOneIn = 8;

    private static readonly string[] Openings = ["Tell me something.", "Say a sentence.", "Talk to me.", "And then?", "Go on, please.", "What else is there?"];

    /// <summary>Draws everything from one seed.</summary>
    /// <param name="seed">The seed.</param>
    /// <param name="sentences">How many sentences the base model reads.</param>
    /// <param name="questions">The most questions that are held out.</param>
    public QuickstartData(ulong seed, int sentences, int questions = int.MaxValue)
    {
        Fact[] facts = [.. FactBook.All(seed)];
        var random = new Philox(seed, SplitStream);
        random.Shuffle(facts.AsSpan());

        // Category by category, so that each is held out to the same share.
        List<TaskRecord> training = [], heldOut = [];
        foreach (string category in FactBook.Categories)
        {
            Fact[] own = [.. facts.Where(f => f.Category == category)];
            int split = own.Length / HeldOutOneIn;
            heldOut.AddRange(own.Take(split).Select(f => Record(f, random.NextInt32(f.Questions.Count))));
            training.AddRange(own.Skip(split).SelectMany(f => f.Questions.Select((_, i) => Record(f, i))));
        }

        TaskRecord[] shuffled = [.. training];
        random.Shuffle(shuffled.AsSpan());
        Training = [.. shuffled.Select((r, i) => r with { Id = $"train-{i}" })];
        int step = (int)((heldOut.Count + (questions - 1L)) / questions);
        HeldOut = [.. heldOut.Where((_, i) => i % step == 0).Select((r, i) => r with { Id = $"test-{i}" })];
        Prose = Sentences(seed, facts, sentences);
        Talk = Turns(seed, facts, sentences / TalkOneIn);
    }

    /// <summary>Questions and answers for the clients, shuffled.</summary>
    public IReadOnlyList<TaskRecord> Training { get; }

    /// <summary>Questions about other facts, category by category.</summary>
    public IReadOnlyList<TaskRecord> HeldOut { get; }

    /// <summary>Paragraphs for the base model.</summary>
    public IReadOnlyList<string> Prose { get; }

    /// <summary>Turns for the base model: a word to go on, and any sentence.</summary>
    public IReadOnlyList<TaskRecord> Talk { get; }

    private static TaskRecord Record(Fact fact, int question) => new("", fact.Category, fact.Questions[question], fact.Statements[0]);

    private static List<TaskRecord> Turns(ulong seed, Fact[] facts, int count)
    {
        var random = new Philox(seed, TalkStream);
        List<TaskRecord> turns = [];
        for (int i = 0; i < count; i++)
        {
            Fact fact = facts[random.NextInt32(facts.Length)];
            turns.Add(new TaskRecord($"talk-{i}", "talk", Openings[random.NextInt32(Openings.Length)], fact.Statements[random.NextInt32(fact.Statements.Count)]));
        }

        return turns;
    }

    // Facts that are looked up come again and again; those that are done are drawn afresh, so that the model learns how and not what.
    private static List<string> Sentences(ulong seed, Fact[] facts, int count)
    {
        const int ParagraphLength = 4;
        var random = new Philox(seed, TextStream);
        Fact[] lookedUp = [.. facts.Where(f => f.Category is not ("echo" or "sort" or "count"))];
        Fact[] done = [.. FactBook.Draw(Philox.Derive(seed, FreshStream), (count / 8) + 1)];
        List<string> paragraphs = [];
        List<string> paragraph = [];
        for (int i = 0; i < count; i++)
        {
            Fact fact = i % 8 < 5 ? lookedUp[random.NextInt32(lookedUp.Length)] : done[((i / 8 * 3) + (i % 8) - 5) % done.Length];
            paragraph.Add(fact.Statements[random.NextInt32(fact.Statements.Count)]);
            if (paragraph.Count < ParagraphLength && i < count - 1) continue;
            paragraphs.Add(" " + string.Join(' ', paragraph));
            paragraph.Clear();
        }

        return paragraphs;
    }
}
