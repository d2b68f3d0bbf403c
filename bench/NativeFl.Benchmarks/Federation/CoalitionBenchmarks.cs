using BenchmarkDotNet.Attributes;
using NativeFl.Benchmarks.Training;
using NativeFl.Data;
using NativeFl.Federation;
using NativeFl.Finetuning;
using NativeFl.Models;
using NativeFl.Tensors;
using NativeFl.Tensors.Cpu;
using NativeFl.Valuation;

namespace NativeFl.Benchmarks.Federation;

/// <summary>
/// The values of 64 coalitions of six clients of rank 4, rows of many of them in one pass, against one pass (and more, where the records do not fit)
/// a coalition. Times are per coalition.
/// </summary>
public class CoalitionBenchmarks
{
    private const int Clients = 6, Coalitions = 1 << Clients, Length = 64;

    private readonly Coalition[] _coalitions =
        [.. Enumerable.Range(0, Coalitions).Select(set => Coalition.Of(Clients, Enumerable.Range(0, Clients).Where(k => (set >> k & 1) != 0)))];

    private CpuBackend _backend = null!;
    private Transformer _model = null!;
    private ClientChanges _changes = null!;
    private TokenizedExample[] _validation = [];

    /// <summary>Validation records of 64 tokens; a pass has room for 32.</summary>
    [Params(1, 4, 24)]
    public int Records { get; set; }

    [GlobalSetup]
    public void Setup()
    {
        _backend = new CpuBackend();
        _model = Transformer.Random(_backend, SmallModel.Config, DType.F32, seed: 1);
        var draws = new Philox(1);
        _validation = [.. Enumerable.Range(0, Records).Select(i =>
        {
            int[] ids = [.. Enumerable.Range(0, Length).Select(_ => draws.NextInt32(2048))];
            return new TokenizedExample($"{i}", ids, ids);
        })];
        AdapterWeights[] adapters = [.. Enumerable.Range(0, Clients).Select(k => Trained(LoraInitialisation.Create(_model.Config, new LoraOptions { Rank = 4 }, (ulong)k), draws))];
        _changes = ClientChanges.Of(Contributions.Of(adapters, [.. adapters.Select(_ => 1.0)]));
    }

    [Benchmark(OperationsPerInvoke = Coalitions)]
    public IReadOnlyList<double> InOnePass()
    {
        using var stack = new ClientStack(_model, _changes, _validation);
        return ClientGame.Fixed(stack).Measure(_coalitions, default);
    }

    [Benchmark(Baseline = true, OperationsPerInvoke = Coalitions)]
    public double OneByOne()
    {
        using var stack = new ClientStack(_model, _changes, _validation);
        var game = ClientGame.Fixed(stack);
        return _coalitions.Sum(coalition => game.Measure([coalition], default)[0]);
    }

    [GlobalCleanup]
    public void Cleanup()
    {
        _model.Dispose();
        _backend.Dispose();
    }

    /// <summary>B other than zero, as after training.</summary>
    private static AdapterWeights Trained(AdapterWeights fresh, Philox draws) => new(fresh.Modules.ToDictionary(
        m => m.Key, m => m.Value with { B = [.. m.Value.B.Select(_ => (float)(0.02 * draws.NextNormal()))] }));
}
