using NativeFl.Data;
using NativeFl.Federation;
using NativeFl.Finetuning;
using NativeFl.Models;
using NativeFl.Tensors;
using NativeFl.Tensors.Cpu;

namespace NativeFl.Tests.Federation;

/// <summary>A small model, data and clients for whole rounds.</summary>
internal static class FederationCases
{
    public static Transformer Model(Backend backend) => Transformer.Load(backend, Fixtures.Path("models", "llama"), DType.F32);

    public static CpuBackend Backend() => new(new CpuBackendOptions { Threads = 2 });

    public static TokenizedExample[] Examples(int count, ulong seed = 1)
    {
        var draws = new Philox(seed);
        return [.. Enumerable.Range(0, count).Select(i =>
        {
            int[] ids = [.. Enumerable.Range(0, 6 + draws.NextInt32(6)).Select(_ => draws.NextInt32(256))];
            return new TokenizedExample($"r{i}", ids, [.. ids]);
        })];
    }

    public static FederationOptions Options(string method, int rounds = 1, ulong seed = 5) => new()
    {
        Method = FederationMethods.Find(method),
        Rounds = rounds,
        Seed = seed,
        Training = new TrainingOptions { BatchSize = 2, LearningRate = 5e-3 },
    };

    /// <summary>Ten examples over three clients.</summary>
    public static IReadOnlyList<ClientSpecification> Clients(params int[] ranks) =>
        ClientSpecification.Create([[7, 0, 3], [1, 2], [4, 5, 6, 8, 9]], ranks);

    /// <summary>Clients whose updates are given: client k of round t returns adapter (t, k), whatever it starts from.</summary>
    public static LocalWork Given(Func<int, int, AdapterWeights> adapter, List<ClientTask>? seen = null) => new(
        (round, tasks, _, _) =>
        {
            seen?.AddRange(tasks);
            return
            [
                .. tasks.Select(t => new ClientUpdate(
                    t.Id, adapter(round, int.Parse(t.Id, System.Globalization.CultureInfo.InvariantCulture)), [2.0, 1.0], 10, Diverged: false)),
            ];
        },
        (_, _, _, _, _, _, _) => throw new InvalidOperationException("no weights are trained here"));

    /// <summary>An adapter on two modules of the fixture model.</summary>
    public static AdapterWeights Adapter(int seed, int rank) => Adapters.Of(
        (new ModuleId(0, Projection.Query), Adapters.Factors(seed, rank, 48, 48, 0.1f)),
        (new ModuleId(2, Projection.Down), Adapters.Factors(seed + 500, rank, 48, 112, 0.1f)));

    /// <summary>‖x − y‖ / ‖y − base‖ over all linear layers of three models: how far x is from y, in units of what y learnt.</summary>
    public static double Distance(Transformer x, Transformer y, Transformer start)
    {
        double difference = 0, norm = 0;
        foreach (ModuleId module in start.Config.Modules())
        {
            string name = module.Name + ".weight";
            float[] a = x.ReadTensor(name), b = y.ReadTensor(name), c = start.ReadTensor(name);
            for (int i = 0; i < a.Length; i++)
            {
                difference += ((double)a[i] - b[i]) * ((double)a[i] - b[i]);
                norm += ((double)b[i] - c[i]) * ((double)b[i] - c[i]);
            }
        }

        return Math.Sqrt(difference / norm);
    }

    /// <summary>Keeps what a run tells.</summary>
    public sealed class Recorder : IFederationObserver
    {
        public List<RoundArtefacts> Rounds { get; } = [];

        public List<string> Warnings { get; } = [];

        public List<int> Started { get; } = [];

        public void OnRoundStarted(int round, IReadOnlyList<ClientSpecification> clients) => Started.Add(round);

        public ITrainingObserver? TrainingObserver(int round) => null;

        public void OnWarning(string message) => Warnings.Add(message);

        public void OnRoundEnded(RoundArtefacts artefacts) => Rounds.Add(artefacts);
    }
}
