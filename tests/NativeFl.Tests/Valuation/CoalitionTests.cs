using CsCheck;
using NativeFl.Tensors;
using NativeFl.Valuation;

namespace NativeFl.Tests.Valuation;

public class CoalitionTests
{
    [Test]
    public void It_is_a_set() => Gen.Int[1, 200].SelectMany(n => Gen.Select(Gen.Const(n), Gen.Int[0, n - 1].HashSet[0, Math.Min(n, 12)], Gen.Int[0, n - 1])).Sample((n, members, player) =>
    {
        Coalition set = Coalition.Of(n, members);
        Assert.That(set.Members, Is.EqualTo(members.Order()));
        Assert.That(set.Count, Is.EqualTo(members.Count));
        Assert.That(set.With(player).Members, Is.EqualTo(members.Append(player).Distinct().Order()));
        Assert.That(set.Without(player).Members, Is.EqualTo(members.Where(m => m != player).Order()));
        Assert.That(set.Complement().Members, Is.EqualTo(Enumerable.Range(0, n).Except(members)));
        Assert.That(set.With(player).Equals(set), Is.EqualTo(members.Contains(player)));
        Assert.That(Coalition.Parse(n, set.ToString(), "f"), Is.EqualTo(set));
        Assert.That(Coalition.Parse(n, set.ToString(), "f").GetHashCode(), Is.EqualTo(set.GetHashCode()));
    }, iter: 300);

    [TestCase("")]
    [TestCase("000000000000000")]
    [TestCase("00000000000000zz")]
    [TestCase("0000000000000400", Description = "player 10 of 10")]
    [TestCase("00000000000000010000000000000000")]
    public void Text_that_is_no_set_of_ten_is_refused(string text) =>
        Assert.That(() => Coalition.Parse(10, text, "values.jsonl"), Throws.TypeOf<InvalidInputException>().With.Message.Contains("values.jsonl"));

    [Test]
    public void Players_outside_the_game_are_refused()
    {
        Assert.That(() => Coalition.Of(3, [3]), Throws.TypeOf<ArgumentOutOfRangeException>());
        Assert.That(() => new CoalitionValues(3).Add(Coalition.None(4), 1), Throws.TypeOf<ArgumentException>());
        Assert.That(() => new CoalitionValues(3).Add(Coalition.None(3), double.NaN), Throws.TypeOf<ArgumentException>());
        Assert.That(() => new CoalitionValues(3)[Coalition.None(3)], Throws.TypeOf<KeyNotFoundException>());
    }
}
