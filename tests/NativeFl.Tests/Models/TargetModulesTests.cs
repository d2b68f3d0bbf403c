using CsCheck;
using NativeFl.Models;
using NativeFl.Tensors;

namespace NativeFl.Tests.Models;

public sealed class TargetModulesTests
{
    [TestCase("all-linear", "0123456 0123456")]
    [TestCase(" q_proj , v_proj", "02 02")]
    [TestCase("q_proj", "0 0")]
    [TestCase("mlp.down_proj", "6 6")]
    [TestCase("model.layers.1.self_attn.o_proj,gate_proj", "4 34")]
    [TestCase("layers.1.mlp.up_proj", " 5")]
    [TestCase("[\"q_proj\",\"k_proj\"]", "01 01")]
    [TestCase(@".*\.(q|k)_proj", "01 01")]
    [TestCase(@"model\.layers\.[1-9]\d*\.mlp\..*", " 456")]
    [TestCase("(?!.*mlp).*_proj", "0123 0123")]
    [TestCase("[qk]_proj|.*o_proj", "3 3")]
    public void A_flag_names_layers(string flag, string expected)
    {
        TargetModules targets = TargetModules.Parse(flag);
        IEnumerable<string> layers = Enumerable.Range(0, 2).Select(layer =>
            string.Concat(Enumerable.Range(0, 7).Where(p => targets.Matches(new ModuleId(layer, (Projection)p)))));
        Assert.That(string.Join(' ', layers), Is.EqualTo(expected));
    }

    [TestCase("q_porj", "q_porj")]
    [TestCase("q_proj,", "\"\"")]
    [TestCase("", "\"\"")]
    [TestCase("proj", "proj")]
    [TestCase("lm_head", "lm_head")]
    [TestCase("[\"embed_tokens\"]", "embed_tokens")]
    [TestCase("(q_proj", "(q_proj")]
    [TestCase("[\"q_proj\"", "q_proj")]
    public void A_flag_that_names_no_layer_is_refused(string flag, string got) =>
        Assert.That(() => TargetModules.Parse(flag), SafetensorsFileTests.Refused("--target-modules", got));

    [Test]
    public void A_pattern_that_never_ends_is_refused()
    {
        // Backtracking doubles with every character; the look-ahead keeps the engine from answering in linear time.
        TargetModules targets = TargetModules.Parse(@"(?=m)(([a-z0-9_.]+)+)+\!");
        Assert.That(() => targets.Matches(new ModuleId(0, Projection.Query)), SafetensorsFileTests.Refused("--target-modules", "within 100 ms"));
    }

    [Test]
    public void A_pattern_that_could_be_slow_but_need_not_be_is_answered()
    {
        TargetModules targets = TargetModules.Parse(@"(([a-z0-9_.]+)+)+\!");
        Assert.That(targets.Matches(new ModuleId(0, Projection.Query)), Is.False);
    }

    [TestCase("at most 2048 characters", "2049")]
    public void A_pattern_of_great_length_is_refused(string expected, string got) =>
        Assert.That(() => TargetModules.Parse(new string('?', 2049)), SafetensorsFileTests.Refused("--target-modules", expected, got));

    [TestCase("(((.*){1000}){1000}){1000}")]
    [TestCase("((a{1,500}){1,500}){1,500}")]
    [TestCase("a{99999999999999999999}")]
    [TestCase("a{5,10001}")]
    public void A_pattern_that_counts_far_is_refused(string pattern) =>
        Assert.That(() => TargetModules.Parse(pattern), SafetensorsFileTests.Refused("--target-modules", "repeat counts whose product is at most 10000"));

    [Test]
    public void A_pattern_that_nests_deeply_is_refused()
    {
        string pattern = new string('(', 33) + "a" + string.Concat(Enumerable.Repeat(")*", 33));
        Assert.That(() => TargetModules.Parse(pattern), SafetensorsFileTests.Refused("--target-modules", "at most 32 groups"));
    }

    [TestCase(@"model\.layers\.\d{1,}\.self_attn\.q_proj", true)]
    [TestCase(@"model\.layers\.\d{1,2}\.(\w{4,5}_?\w*\.)*q_proj", true)]
    [TestCase(@"(?:\bmodel\.layers\.[\d]{1,}\.(?:self_attn|mlp)\.(?:(?:q_proj|k_proj)))", true)]
    [TestCase(@"((((((((.*)*)*)*)*)*)*)*)*x", false)]
    [TestCase(@"\{\}\(", false)]
    public void A_pattern_in_the_limits_is_answered(string pattern, bool expected) =>
        Assert.That(TargetModules.Parse(pattern).Matches(new ModuleId(0, Projection.Query)), Is.EqualTo(expected));

    [Test]
    public void Random_patterns_are_refused_or_answered()
    {
        string[] parts = ["(", ")", "(?:", "(?=", "(?!", ".*", "*", "+", "?", "|", "[a-z", "]", "{3}", "{1,9}", "a", "model", "q_proj", @"\.", @"\d", @"\1", "^", "$", "(?<n>"];
        Gen.OneOf(parts).Array[1, 12].Sample(pieces =>
        {
            try
            {
                TargetModules targets = TargetModules.Parse("!?" + string.Concat(pieces));
                for (int p = 0; p < 7; p++) targets.Matches(new ModuleId(0, (Projection)p));
            }
            catch (InvalidInputException e) when (e.Message.StartsWith("--target-modules", StringComparison.Ordinal))
            {
            }
        }, iter: 1000);
    }

    [Test]
    public void The_text_can_be_parsed_again()
    {
        foreach (string flag in (string[])["all-linear", "q_proj,v_proj", @".*\.(q|k)_proj"])
            Assert.That(TargetModules.Parse(flag).ToString(), Is.EqualTo(flag));
        Assert.That((TargetModules.All.IsAll, TargetModules.Parse("q_proj").IsAll), Is.EqualTo((true, false)));
    }
}
