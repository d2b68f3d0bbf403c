using NativeFl.Data;
using NativeFl.DataRefinement;
using NativeFl.Finetuning;
using NativeFl.Models;

namespace NativeFl.Tests.DataRefinement;

/// <summary>
/// In-run values straight from their formula: the gradient of one record at a time through one adapter, AdamW and all sums in double, nothing shared with
/// the code under test but the forward and backward pass and the order of the data.
/// </summary>
internal sealed class InRunReference : IDisposable
{
    private readonly Transformer _model;
    private readonly InRunOptions _options;
    private readonly AdapterStack _stack;
    private readonly TransformerPass _pass;
    private readonly double[] _theta, _first, _second;

    public InRunReference(Transformer model, InRunOptions options)
    {
        (_model, _options) = (model, options);
        _stack = new AdapterStack(model, [LoraInitialisation.Create(model.Config, options.Lora, options.Seed)], trainable: true);
        _pass = new TransformerPass(model, new PassOptions { MaxRows = 64, MaxHeadRows = 64, Backward = true }, new StackUse(_stack, null, trains: true));
        var start = new float[_stack.ParameterCount];
        model.Backend.Download<float>(_stack.Flat.Values, start);
        _theta = [.. start.Select(v => (double)v)];
        _first = new double[start.Length];
        _second = new double[start.Length];
    }

    /// <summary>‖x − y‖ / ‖y‖.</summary>
    public static double Distance(IEnumerable<double> x, double[] y) => Norm(x.Zip(y, (a, b) => a - b)) / Norm(y);

    /// <summary>‖x‖.</summary>
    public static double Norm(IEnumerable<double> x) => Math.Sqrt(x.Sum(v => v * v));

    public double[] Values(IReadOnlyList<TokenizedExample> records, IReadOnlyList<TokenizedExample> validation)
    {
        TrainingOptions training = _options.Training;
        var values = new double[records.Count];
        var order = new BatchOrder(records.Count, training.Shuffle, _options.Seed);
        int steps = training.StepsFor(records.Count);
        double[] ahead = Mean(validation);
        for (int step = 0; step < steps; step++)
        {
            int[] members = Draw(order, training, records.Count);
            double counted = members.Sum(i => (double)Counted(records[i]));
            double[][] gradients = [.. members.Select(i => Scaled(Gradient(records[i]), 1 / counted))];
            double[] p = Step(step + 1, [.. Enumerable.Range(0, _theta.Length).Select(j => gradients.Sum(g => g[j]))]);
            double[] now = ahead;
            double rate = training.Schedule.RateAt(training.LearningRate, step, training.WarmupSteps, steps);
            if (_options.Order == InRunOrder.Second || (step + 1) % _options.ValidationEvery == 0) ahead = Mean(validation);
            double[] towards = _options.Order == InRunOrder.Second ? [.. now.Zip(ahead, (x, y) => (x + y) / 2)] : now;
            towards = [.. towards.Zip(p, (x, y) => x * y)];
            for (int k = 0; k < members.Length; k++)
            {
                double product = gradients[k].Zip(towards, (x, y) => x * y).Sum();
                if (_options.Normalised) product = product == 0 ? 0 : product / (Norm(gradients[k]) * Norm(towards));
                values[members[k]] += rate * product;
            }
        }

        return values;
    }

    public void Dispose()
    {
        _pass.Dispose();
        _stack.Dispose();
    }

    private static int[] Draw(BatchOrder order, TrainingOptions training, int count)
    {
        var members = new List<int>();
        int[] drawn = new int[training.BatchSize];
        for (int a = 0; a < training.GradientAccumulation && (a == 0 || order.Position % count != 0); a++)
        {
            int length = order.NextBatch(drawn);
            members.AddRange(drawn[..length]);
        }

        return [.. members];
    }

    /// <summary>AdamW; gives the diagonal P that it put before the gradient.</summary>
    private double[] Step(int t, double[] gradient)
    {
        TrainingOptions training = _options.Training;
        double clip = training.GradClip == 0 ? 1 : Math.Min(1, training.GradClip / (Norm(gradient) + 1e-6));
        double rate = training.Schedule.RateAt(training.LearningRate, t - 1, training.WarmupSteps, training.Steps ?? int.MaxValue);
        var p = new double[_theta.Length];
        for (int j = 0; j < p.Length; j++)
        {
            double g = clip * gradient[j];
            _first[j] = (0.9 * _first[j]) + (0.1 * g);
            _second[j] = (0.999 * _second[j]) + (0.001 * g * g);
            double root = Math.Sqrt(_second[j] / (1 - Math.Pow(0.999, t)));
            _theta[j] -= rate * ((training.WeightDecay * _theta[j]) + (_first[j] / (1 - Math.Pow(0.9, t)) / (root + 1e-8)));
            p[j] = _second[j] == 0 ? 0 : clip / (root + 1e-8);
        }

        return p;
    }

    /// <summary>The gradient of the mean over all counted tokens.</summary>
    private double[] Mean(IReadOnlyList<TokenizedExample> examples)
    {
        var sum = new double[_theta.Length];
        foreach (TokenizedExample example in examples)
        {
            double[] gradient = Gradient(example);
            for (int j = 0; j < sum.Length; j++) sum[j] += gradient[j];
        }

        return Scaled(sum, 1.0 / examples.Sum(Counted));
    }

    /// <summary>The gradient of the summed losses of one example, by itself.</summary>
    private double[] Gradient(TokenizedExample example)
    {
        _model.Backend.Upload<float>([.. _theta.Select(v => (float)v)], _stack.Flat.Values);
        _model.Backend.Fill(0, _stack.Flat.Gradients);
        var batch = new TokenBatch();
        batch.AddSequence(example.InputIds, example.Labels, example.Starts, 1);
        batch.EndPart(0, 0, 0);
        _pass.Train(batch, new float[batch.HeadRows.Length]);
        var gradient = new float[_theta.Length];
        _model.Backend.Download<float>(_stack.Flat.Gradients, gradient);
        return [.. gradient.Select(v => (double)v)];
    }

    private static int Counted(TokenizedExample example) => TokenBatch.CountTargets(example.Labels, example.Starts);

    private static double[] Scaled(double[] x, double factor) => [.. x.Select(v => v * factor)];

}
