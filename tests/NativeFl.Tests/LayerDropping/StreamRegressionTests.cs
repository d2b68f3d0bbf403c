using NativeFl.LayerDropping;
using NativeFl.Tensors;
using NativeFl.Tests.Reference;

namespace NativeFl.Tests.LayerDropping;

/// <summary>The regression against rotations of the data itself, and what it says of its own error.</summary>
public sealed class StreamRegressionTests
{
    private const int Width = 11;

    [TestCase(40, 0)]
    [TestCase(40, 1e-3)]
    [TestCase(40, 1)]
    [TestCase(6, 1e-2)]
    public void It_is_the_least_squares_solution_of_the_data(int tokens, double ridge)
    {
        float[] m = Draw(1, tokens), y = Draw(2, tokens), stream = Draw(3, tokens), added = Draw(4, tokens);
        var regression = new StreamRegression(Width);
        int first = tokens / 3 * Width;
        regression.Add(m[..first], y[..first], (stream[..first], added[..first]));
        regression.Add(m[first..], y[first..], (stream[first..], added[first..]));
        double[] got = regression.Solve(ridge, "here");

        double[] outputs = [.. m.Select(v => (double)v)];
        double[] errors = [.. m.Select((v, i) => (double)stream[i] + added[i] - y[i] - v)], targets = [.. stream.Select((v, i) => (double)v + added[i])];
        double lambda = ridge * outputs.Sum(v => v * v) / Width;
        double[] expected = LeastSquares.Solve(outputs, errors, tokens, Width, Width, lambda);
        double left = 0;
        for (int t = 0; t < tokens; t++)
        {
            for (int i = 0; i < Width; i++)
            {
                double rest = errors[(t * Width) + i];
                for (int k = 0; k < Width; k++) rest -= outputs[(t * Width) + k] * expected[(k * Width) + i];
                left += rest * rest;
            }
        }

        double scale = targets.Sum(v => v * v);
        Assert.Multiple(() =>
        {
            // Normal equations square the condition number of the outputs, which is below 10 here: 1e2 · n ε.
            Assert.That(got, Is.EqualTo(expected).Within(1e-11));
            Assert.That(regression.ErrorBefore, Is.EqualTo(Math.Sqrt(errors.Sum(v => v * v) / scale)).Within(1e-12));
            Assert.That(regression.ErrorAfter, Is.EqualTo(Math.Sqrt(left / scale)).Within(1e-10));
        });
    }

    [Test]
    public void Too_few_tokens_are_refused_without_a_ridge()
    {
        var regression = new StreamRegression(Width);
        regression.Add(Draw(1, Width - 1), Draw(2, Width - 1), (Draw(3, Width - 1), Draw(4, Width - 1)));
        Assert.That(() => regression.Solve(0, "here"), Throws.TypeOf<RunFailedException>().With.Message.StartsWith("here: ").And.Message.Contains("more data, or a larger ridge"));
    }

    [Test]
    public void A_stream_that_is_not_finite_is_refused()
    {
        var regression = new StreamRegression(Width);
        float[] m = Draw(1, 30);
        m[5] = float.NaN;
        regression.Add(m, Draw(2, 30), (Draw(3, 30), Draw(4, 30)));
        Assert.That(() => regression.Solve(1, "here"), Throws.TypeOf<RunFailedException>().With.Message.Contains("not finite"));
    }

    [Test]
    public void Outputs_that_are_all_zero_determine_nothing()
    {
        var regression = new StreamRegression(Width);
        regression.Add(new float[30 * Width], Draw(2, 30), (Draw(3, 30), Draw(4, 30)));
        Assert.That(() => regression.Solve(1, "here"), Throws.TypeOf<RunFailedException>());
    }

    private static float[] Draw(ulong seed, int tokens)
    {
        var draws = new Philox(seed);
        return [.. Enumerable.Range(0, tokens * Width).Select(_ => (float)draws.NextNormal())];
    }
}
