using NativeFl.Data;
using NativeFl.Finetuning;
using NativeFl.Models;
using NativeFl.Tensors;
using NativeFl.Tests.Models;

namespace NativeFl.Tests.Finetuning;

/// <summary>
/// FedProx by hand: AdamW in double on g(θ) + μ (θ − θ_start), where g(θ) comes from a pass over the model that knows nothing of the term.
/// </summary>
public sealed class ProximalTermTests() : ModelTest("qwen2")
{
    // Adam may turn the rounding of a gradient near zero into a sign.
    private const double Rounding = 2e-3;

    [Test]
    public void Every_client_of_a_pass_is_pulled_to_its_own_start_by_its_own_mu()
    {
        ClientTask[] clients =
        [
            Client(Model.Config, "weak", 4, 31, new TrainingOptions { Steps = 4, ProximalMu = 0.5, GradClip = 0 }),
            Client(Model.Config, "none", 3, 32, new TrainingOptions { Steps = 3, ProximalMu = 0 }),
            Client(Model.Config, "strong", 2, 33, new TrainingOptions { Steps = 5, ProximalMu = 4, GradClip = 0.5, WeightDecay = 0.1 }),
        ];
        IReadOnlyList<ClientUpdate> together = new AdapterTrainer(Model).Train(clients);
        foreach ((ClientTask client, ClientUpdate update) in clients.Zip(together))
        {
            AdapterWeights byHand = ByHand(Model, client, client.Options.ProximalMu), plain = ByHand(Model, client, 0);
            Assert.Multiple(() =>
            {
                Assert.That(TrainingCases.Distance(update.Adapter, byHand), Is.LessThan(Rounding), client.Id);
                if (client.Options.ProximalMu > 0)
                    Assert.That(TrainingCases.Distance(plain, byHand), Is.GreaterThan(10 * Rounding), $"{client.Id}: without the term it is another run");
            });
        }
    }

    [Test]
    public void All_weights_are_pulled_to_where_they_started()
    {
        using Transformer copy = Model.Clone();
        var options = new TrainingOptions { Steps = 4, BatchSize = 3, Shuffle = false, LearningRate = 1e-2, ProximalMu = 4 };
        TokenizedExample[] examples = TrainingCases.Examples(3, 41);
        double[] start = Weights(Model), byHand = ByHand(copy, examples, options, options.ProximalMu), plain = ByHand(copy, examples, options, 0);
        new FullTrainer(Model).Train("all", examples, options, seed: 1);
        Assert.Multiple(() =>
        {
            Assert.That(Distance(Weights(Model), byHand, start), Is.LessThan(Rounding));
            Assert.That(Distance(plain, byHand, start), Is.GreaterThan(10 * Rounding), "without the term it is another run");
        });
    }

    private static ClientTask Client(ModelConfig config, string id, int rank, ulong seed, TrainingOptions options) => new()
    {
        Id = id,
        Seed = seed,
        Examples = TrainingCases.Examples(3, seed),
        Initial = TrainingCases.Adapter(config, rank, seed),
        Options = options with { BatchSize = 3, Shuffle = false, LearningRate = 1e-2 },
    };

    private static AdapterWeights ByHand(Transformer model, ClientTask client, double mu)
    {
        using var stack = new AdapterStack(model, [client.Initial], trainable: true);
        using TransformerPass pass = Pass(model, client.Examples, new StackUse(stack, weights: null, trains: true), null);
        double[] end = Steps(Read(model.Backend, stack.Flat.Values), stack.Ranges, client.Options, mu, theta =>
        {
            model.Backend.Upload<float>([.. theta.Select(v => (float)v)], stack.Flat.Values);
            return Gradient(model.Backend, pass, client.Examples, stack.Flat);
        });
        model.Backend.Upload<float>([.. end.Select(v => (float)v)], stack.Flat.Values);
        return stack.Export(0);
    }

    private static double[] ByHand(Transformer model, TokenizedExample[] examples, TrainingOptions options, double mu)
    {
        using Transformer copy = model.Clone();
        using var flat = new FlatParameters(copy.Backend, copy.Weights.ParameterCount, trainable: true, segments: 1);
        var masters = new MasterWeights(copy, flat);
        masters.Read();
        using TransformerPass pass = Pass(copy, examples, null, new WeightGradients(copy.Weights.Layout, () => flat.Gradients));
        return Steps(Read(copy.Backend, flat.Values), masters.Ranges, options, mu, theta =>
        {
            copy.Backend.Upload<float>([.. theta.Select(v => (float)v)], flat.Values);
            masters.Write();
            return Gradient(copy.Backend, pass, examples, flat);
        });
    }

    private static double[] Steps(
        double[] start, ParameterRange[] ranges, TrainingOptions options, double mu, Func<double[], double[]> gradientAt)
    {
        double[] theta = [.. start], first = new double[start.Length], second = new double[start.Length];
        for (int step = 1; step <= options.Steps; step++)
        {
            double[] gradient = gradientAt(theta);
            for (int i = 0; i < gradient.Length; i++) gradient[i] += mu * (theta[i] - start[i]);
            var segment = new AdamWSegment(step, (float)options.LearningRate, (float)options.WeightDecay, (float)options.GradClip);
            Reference.AdamW.Step(gradient, ranges, [segment], theta, first, second);
        }

        return theta;
    }

    private static TransformerPass Pass(Transformer model, IReadOnlyList<TokenizedExample> examples, StackUse? trained, WeightGradients? gradients)
    {
        TokenBatch batch = Batch(examples);
        var options = new PassOptions { MaxRows = batch.Rows, MaxHeadRows = batch.HeadRows.Length, Backward = true, WeightGradients = gradients };
        return new TransformerPass(model, options, trained);
    }

    /// <summary>Of the mean loss over the counted tokens of all examples.</summary>
    private static double[] Gradient(Backend backend, TransformerPass pass, IReadOnlyList<TokenizedExample> examples, FlatParameters flat)
    {
        TokenBatch batch = Batch(examples);
        backend.Fill(0, flat.Gradients);
        pass.Train(batch, new float[batch.HeadRows.Length]);
        return Read(backend, flat.Gradients);
    }

    private static TokenBatch Batch(IReadOnlyList<TokenizedExample> examples)
    {
        var batch = new TokenBatch();
        int counted = examples.Sum(e => TokenBatch.CountTargets(e.Labels, e.Starts));
        foreach (TokenizedExample example in examples) batch.AddSequence(example.InputIds, example.Labels, example.Starts, 1f / counted);
        batch.EndPart(0, seed: 0, step: 0);
        return batch;
    }

    private static double[] Weights(Transformer model)
    {
        using var flat = new FlatParameters(model.Backend, model.Weights.ParameterCount, trainable: false, segments: 1);
        new MasterWeights(model, flat).Read();
        return Read(model.Backend, flat.Values);
    }

    private static double[] Read(Backend backend, TensorView view)
    {
        var values = new float[view.Count];
        backend.Download<float>(view, values);
        return [.. values.Select(v => (double)v)];
    }

    /// <summary>‖x − y‖ / ‖y − start‖.</summary>
    private static double Distance(double[] x, double[] y, double[] start)
    {
        static double Norm(double[] a, double[] b) => Math.Sqrt(a.Zip(b, (p, q) => (p - q) * (p - q)).Sum());
        return Norm(x, y) / Norm(y, start);
    }
}
