using NativeFl.Tensors;

namespace NativeFl.Cuda.Tests;

/// <summary>A few queries over many keys, whose keys are cut into splits.</summary>
[TestFixture(DType.F32)]
[TestFixture(DType.BF16)]
internal sealed class AttentionDecodeTests(DType dtype) : AttentionTest(dtype)
{
    private const float Scale = 0.2f;

    // Of a batch: one that is cut in few, one of several queries, one of too few keys, a prompt, and one that is cut in many.
    private static readonly AttentionSpan[] Unequal = [new(0, 1, 0, 333), new(1, 3, 333, 600), new(4, 1, 933, 90), new(5, 40, 1023, 40), new(45, 1, 1063, 1025)];

    private static IEnumerable<TestCaseData> Cases()
    {
        yield return Case("one query", new(8, 2, 64, Scale), [new(0, 1, 0, 1024)]);
        yield return Case("keys that no tile divides", new(2, 1, 34, Scale), [new(0, 1, 0, 777)]);
        yield return Case("several queries", new(4, 2, 32, Scale), [new(0, 5, 0, 900)]);

        // The last split has one key, which only the last query sees.
        yield return Case("a split of one key", new(1, 1, 64, Scale), [new(0, 3, 0, 769)]);
        yield return Case("window", new(2, 1, 64, Scale, 300), [new(0, 1, 0, 900), new(1, 1, 900, 280)]);
        yield return Case("window of several queries", new(2, 1, 32, Scale, 513), [new(0, 4, 0, 1100)]);
        yield return Case("unequal", new(4, 2, 16, Scale), Unequal);
        yield return Case("unequal with window", new(2, 1, 64, Scale, 400), Unequal);
        yield return Case("head of 80", new(1, 1, 80, Scale), [new(0, 1, 0, 500)]);
        yield return Case("head of 128", new(4, 1, 128, 0.09f), [new(0, 2, 0, 601)]);
        yield return Case("head of 256", new(2, 1, 256, 0.0625f), [new(0, 1, 0, 599)]);
    }

    [TestCaseSource(nameof(Cases))]
    public void Forward_matches_reference(AttentionShape shape, AttentionSpan[] spans)
    {
        Problem problem = Make(shape, spans);
        Assert.That(Commands(problem), Has.Member(AttentionTiling.Split(Type, shape.HeadWidth).Entry));
        AssertForwardMatchesReference(problem);
    }

    [Test]
    public void Large_scores_do_not_overflow() => AssertForwardMatchesReference(Make(new AttentionShape(1, 1, 8, 1), [new(0, 1, 0, 700)], scale: 100));

    [Test]
    public void The_same_inputs_give_the_same_bits()
    {
        Problem problem = Make(new AttentionShape(4, 2, 64, Scale), Unequal);
        (float[] O, float[] Lse) first = Forward(problem), second = Forward(problem);
        Assert.That(second.O, Is.EqualTo(first.O));
        Assert.That(second.Lse, Is.EqualTo(first.Lse));
    }

    [Test]
    public void A_sequence_has_the_same_bits_beside_others_and_alone()
    {
        Problem together = Make(new AttentionShape(4, 2, 32, Scale), Unequal);
        (float[] o, float[] lse) = Forward(together);
        foreach (AttentionSpan span in Unequal)
        {
            (float[] alone, float[] aloneLse) = Forward(together with { Spans = [span] });
            Assert.That(RowsOf(span, alone, 128), Is.EqualTo(RowsOf(span, o, 128)), $"{span}");
            Assert.That(RowsOf(span, aloneLse, 4), Is.EqualTo(RowsOf(span, lse, 4)), $"{span}");
        }
    }

    [Test]
    public void A_NaN_in_another_span_reaches_nothing()
    {
        Problem clean = Make(new AttentionShape(2, 1, 16, Scale), Unequal), dirty = Make(new AttentionShape(2, 1, 16, Scale), Unequal);
        Array.Fill(dirty.K, float.NaN, 333 * 16, 600 * 16);
        Array.Fill(dirty.V, float.NaN, 333 * 16, 600 * 16);
        (float[] expected, _) = Forward(clean);
        (float[] got, _) = Forward(dirty);
        foreach (AttentionSpan span in Unequal)
        {
            if (span.KeyCount == 600) Assert.That(RowsOf(span, got, 32), Is.All.NaN);
            else Assert.That(RowsOf(span, got, 32), Is.EqualTo(RowsOf(span, expected, 32)), $"{span}");
        }
    }

    [Test]
    public void Decoding_launches_splits_and_training_none()
    {
        var shape = new AttentionShape(2, 1, 16, Scale);
        string whole = AttentionTiling.Forward(Type, 16).Entry, split = AttentionTiling.Split(Type, 16).Entry;
        string combine = Type == DType.F32 ? "attention_combine_f32" : "attention_combine_bf16";
        Assert.Multiple(() =>
        {
            Assert.That(Commands(Make(shape, [new(0, 1, 0, 700)])), Is.EqualTo(new[] { split, combine }));
            Assert.That(Commands(Make(shape, [AttentionSpan.Whole(0, 700)])), Is.EqualTo(new[] { whole }));
            Assert.That(Commands(Make(shape, [new(0, 1, 0, 255)])), Is.EqualTo(new[] { whole }));
            Assert.That(Commands(Make(shape, Unequal)), Is.EqualTo(new[] { whole, split, combine }));
        });
    }

    private static float[] RowsOf(AttentionSpan span, float[] values, int width) => values[(span.QueryStart * width)..((span.QueryStart + span.QueryCount) * width)];

    private List<string> Commands(Problem problem)
    {
        // What fills rows of no span, and copies of operands, are not asked about.
        List<string> commands = [];
        Backend.Journal = name =>
        {
            if (name.StartsWith("attention", StringComparison.Ordinal)) commands.Add(name);
        };
        Forward(problem);
        Backend.Journal = null;
        return commands;
    }
}
