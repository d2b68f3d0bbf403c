using NativeFl.Tensors;
using NativeFl.Tests.Cli;
using NativeFl.Valuation;

namespace NativeFl.Tests.Valuation;

/// <summary>Measuring and storing: what is measured once is never measured again, and a stopped run ends as it would have.</summary>
public class ValuerTests
{
    private const int Players = 5;

    /// <summary>A utility that counts its calls; the value of a coalition may be spoilt, once or always.</summary>
    private sealed class Utility(Func<Coalition, double> game, int atOnce = 3) : ICoalitionGame
    {
        public int Players => ValuerTests.Players;

        public int AtOnce => atOnce;

        public List<Coalition> Measured { get; } = [];

        public int? StopAfter { get; init; }

        public IReadOnlyList<double> Measure(IReadOnlyList<Coalition> coalitions, CancellationToken cancellation)
        {
            if (Measured.Count >= StopAfter) throw new OperationCanceledException();
            Measured.AddRange(coalitions);
            return [.. coalitions.Select(game)];
        }
    }

    [Test]
    public void Nothing_is_measured_twice()
    {
        var utility = new Utility(Games.Arbitrary(Players, 1));
        var values = new CoalitionValues(Players);
        var valuer = new Valuer(utility, values);
        var seen = new List<(int Done, int Left)>();
        valuer.Estimate(PermutationShapley.WithBudget(Players, 13, 1), (done, left) => seen.Add((done, left)));
        valuer.Estimate(new BanzhafSampling(Players, 20, 1));
        valuer.Estimate(new ExactShapley(Players));
        Assert.That(utility.Measured, Is.Unique);
        Assert.That(utility.Measured, Has.Count.EqualTo(32));
        Assert.That(valuer.FineTunings, Is.EqualTo(31), "nobody is no fine-tuning");
        Assert.That(seen[^1].Done, Is.LessThanOrEqualTo(13));
        Assert.That(seen.Select(s => s.Done), Is.Ordered);
    }

    [Test]
    public void Nobody_and_all_are_measured_whatever_is_asked()
    {
        var values = new CoalitionValues(Players);
        new Valuer(new Utility(Games.Arbitrary(Players, 1)), values).Estimate(new BanzhafSampling(Players, 4, 1));
        Assert.That(values.Has(Coalition.None(Players)));
        Assert.That(values.Has(Coalition.All(Players)));
    }

    [Test]
    public void What_is_not_finite_is_tried_once_more_and_then_left_out()
    {
        Coalition always = Coalition.Of(Players, [0, 1]), once = Coalition.Of(Players, [2]);
        var tries = new Dictionary<Coalition, int>();
        double Game(Coalition s)
        {
            tries[s] = tries.GetValueOrDefault(s) + 1;
            if (s.Equals(always) || (s.Equals(once) && tries[s] == 1)) return double.NaN;
            return s.Count;
        }

        var values = new CoalitionValues(Players);
        IReadOnlyList<PlayerValue> estimate = new Valuer(new Utility(Game), values).Estimate(new ExactShapley(Players));
        Assert.That(tries[always], Is.EqualTo(2));
        Assert.That(values[always], Is.Null);
        Assert.That(values[once], Is.EqualTo(1));
        Assert.That(values.LeftOut, Is.EqualTo(1));
        Assert.That(estimate.Select(v => v.Value), Is.All.EqualTo(1).Within(1e-12));
        Assert.That(estimate[0].StandardError, Is.Null, "one of its marginals is missing");
    }

    [TestCase(0)]
    [TestCase(1)]
    [TestCase(7)]
    public void A_stopped_run_goes_on_with_the_batch_that_it_was_at(int after)
    {
        using var folder = new TemporaryFolder();
        Func<Coalition, double> game = Games.Arbitrary(Players, 4);
        IValueEstimator estimator = AntitheticShapley.WithBudget(Players, 25, 2);
        var whole = new Utility(game);
        IReadOnlyList<PlayerValue> expected = new Valuer(whole, new CoalitionValues(Players)).Estimate(estimator);
        var stopped = new Utility(game) { StopAfter = after };
        Assert.That(() => Run(stopped), Throws.InstanceOf<OperationCanceledException>());
        var rest = new Utility(game);
        Assert.That(Run(rest), Is.EqualTo(expected));
        Assert.That(stopped.Measured.Concat(rest.Measured), Is.EqualTo(whole.Measured));

        IReadOnlyList<PlayerValue> Run(Utility utility)
        {
            using CoalitionValuesFile file = CoalitionValuesFile.Open(folder.Root, Players, "g");
            return new Valuer(utility, file.Values, file.Append).Estimate(estimator);
        }
    }

    [Test]
    public void A_file_cut_anywhere_is_read_up_to_its_last_whole_line()
    {
        using var folder = new TemporaryFolder();
        string path = folder.At(CoalitionValuesFile.FileName);
        using (CoalitionValuesFile file = CoalitionValuesFile.Open(folder.Root, Players, "g"))
            new Valuer(new Utility(s => s.Count == 3 ? double.NaN : s.Count / 3.0), file.Values, file.Append).Estimate(new LeaveOneOut(Players));
        byte[] bytes = File.ReadAllBytes(path);
        int last = 0;
        for (int length = 0; length <= bytes.Length; length += 5)
        {
            File.WriteAllBytes(path, bytes[..length]);
            using (CoalitionValuesFile file = CoalitionValuesFile.Open(folder.Root, Players, "g"))
            {
                Assert.That(file.Values.Count, Is.GreaterThanOrEqualTo(last));
                last = file.Values.Count;
                if (file.Values.Has(Coalition.All(Players))) Assert.That(file.Values[Coalition.All(Players)], Is.EqualTo(5 / 3.0));
            }

            Assert.That(() => CoalitionValuesFile.Open(folder.Root, Players, "g").Dispose(), Throws.Nothing, "what it left is whole");
        }

        Assert.That(last, Is.GreaterThan(0));
    }

    [Test]
    public void A_file_is_for_one_run_at_a_time()
    {
        using var folder = new TemporaryFolder();
        using CoalitionValuesFile file = CoalitionValuesFile.Open(folder.Root, Players, "g");
        Assert.That(
            () => CoalitionValuesFile.Open(folder.Root, Players, "g").Dispose(),
            Throws.TypeOf<RunFailedException>().With.Message.Contains("values.jsonl").And.Message.Contains("one run at a time"));
    }

    [TestCase("{\"players\":5,\"game\":\"other\"}")]
    [TestCase("notes of mine")]
    [TestCase("{\"players\":5,\"game\":\"other\"}\n{\"values\":{}}\n{\"val")]
    [TestCase("{\"players\":5,\"game\":\"g\"}\n{}\nmine")]
    public void A_file_of_something_else_stays_as_it_is_to_the_last_byte(string text)
    {
        using var folder = new TemporaryFolder();
        folder.Write(CoalitionValuesFile.FileName, text);
        Assert.That(() => CoalitionValuesFile.Open(folder.Root, Players, "g"), Throws.TypeOf<InvalidInputException>().With.Message.Contains("values.jsonl"));
        Assert.That(File.ReadAllText(folder.At(CoalitionValuesFile.FileName)), Is.EqualTo(text));
    }

    [TestCase("""{"players":5,"game":"other"}""", "another game")]
    [TestCase("""{"players":6,"game":"g"}""", "another game")]
    [TestCase("""[1]""", "values.jsonl:1")]
    [TestCase("{\"players\":5,\"game\":\"g\"}\n{}", "values.jsonl:2")]
    [TestCase("{\"players\":5,\"game\":\"g\"}\n{\"values\":{\"zz\":1}}", "values.jsonl:2")]
    [TestCase("{\"players\":5,\"game\":\"g\"}\n{\"values\":{\"0000000000000001\":\"x\"}}", "values.jsonl:2: values.0000000000000001")]
    [TestCase("{\"players\":5,\"game\":\"g\"}\n{\"values\":{\"0000000000000001\":1}}\n{\"values\":{\"0000000000000001\":1}}", "once")]
    public void A_file_of_something_else_is_refused(string text, string expected)
    {
        using var folder = new TemporaryFolder();
        folder.Write(CoalitionValuesFile.FileName, text + "\n");
        Assert.That(
            () => CoalitionValuesFile.Open(folder.Root, Players, "g"),
            Throws.TypeOf<InvalidInputException>().With.Message.Contains(expected).And.Message.Contains("values.jsonl"));
    }
}
