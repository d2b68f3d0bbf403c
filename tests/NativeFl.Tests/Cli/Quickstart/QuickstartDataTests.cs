using NativeFl.Cli.Quickstart;

namespace NativeFl.Tests.Cli.Quickstart;

public sealed class QuickstartDataTests
{
    private static readonly QuickstartData Data = new(seed: 7, sentences: 2000);

    [Test]
    public void Every_category_is_trained_on_and_held_out()
    {
        foreach (string category in FactBook.Categories)
        {
            Assert.That(Data.Training.Count(r => r.Category == category), Is.GreaterThanOrEqualTo(80), category);
            Assert.That(Data.HeldOut.Count(r => r.Category == category), Is.GreaterThanOrEqualTo(15), category);
        }
    }

    [Test]
    public void No_held_out_question_is_trained_on_in_any_wording()
    {
        Fact[] facts = [.. FactBook.All(7)];
        HashSet<string> trained = [.. Data.Training.Select(r => r.Question)];
        foreach (TaskRecord record in Data.HeldOut)
        {
            Fact fact = facts.Single(f => f.Questions.Contains(record.Question));
            Assert.That(fact.Questions.Where(trained.Contains), Is.Empty, record.Question);
            Assert.That(record.Answer, Is.EqualTo(fact.Statements[0]).And.EndsWith($" is {fact.Answer}."));
        }
    }

    [Test]
    public void The_prose_holds_the_facts_and_no_question()
    {
        string prose = string.Join('\n', Data.Prose);
        Assert.Multiple(() =>
        {
            Assert.That(prose, Does.Not.Contain("?").And.Not.Contain("Say the"));
            Assert.That(Data.Prose, Has.Count.EqualTo(500));
        });
        Fact[] told = [.. FactBook.All(7).Where(f => f.Category is not ("echo" or "sort" or "count"))];
        int missing = told.Count(f => !f.Statements.Any(s => prose.Contains(s, StringComparison.Ordinal)));
        Assert.That(missing, Is.LessThan(told.Length / 10), "2,000 sentences tell nearly all of the facts");
    }

    [Test]
    public void Answers_of_the_tasks_that_are_done_are_right()
    {
        foreach (Fact fact in FactBook.Draw(3, 50))
        {
            string given = fact.Questions[0].Split(" of ")[1].TrimEnd('?');
            string expected = fact.Category switch
            {
                "echo" => given,
                "sort" => string.Join(' ', given.Split(' ').Order()),
                _ => WordLists.Numbers[given.Split(' ').Length],
            };
            Assert.That(fact.Answer, Is.EqualTo(expected), fact.Questions[0]);
        }
    }

    [Test]
    public void The_same_seed_makes_the_same_data_and_another_seed_other_data()
    {
        QuickstartData same = new(7, 2000), other = new(8, 2000);
        Assert.Multiple(() =>
        {
            Assert.That(same.Training, Is.EqualTo(Data.Training));
            Assert.That(same.HeldOut, Is.EqualTo(Data.HeldOut));
            Assert.That(same.Prose, Is.EqualTo(Data.Prose));
            Assert.That(other.Training, Is.Not.EqualTo(Data.Training));
        });
    }

    [Test]
    public void A_record_is_one_line_of_json() => Assert.That(
        new TaskRecord("train-1", "sum", "How \"much\"?", "two").ToJsonLine(),
        Is.EqualTo("""{"id":"train-1","category":"sum","question":"How \"much\"?","answer":"two"}"""));
}
