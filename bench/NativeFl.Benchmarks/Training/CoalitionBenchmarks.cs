using BenchmarkDotNet.Attributes;
using NativeFl.Data;
using NativeFl.DataRefinement;
using NativeFl.Finetuning;
using NativeFl.Models;
using NativeFl.Tensors;
using NativeFl.Tensors.Cpu;
using NativeFl.Valuation;

namespace NativeFl.Benchmarks.Training;

/// <summary>
/// The seven coalitions of one order of eight players (three records of 96 tokens each), fine-tuned for an epoch and scored on eight records: side by
/// side as adapters of one stack, against one after another. Times are per coalition.
/// </summary>
[WarmupCount(4)]
public class CoalitionBenchmarks
{
    private const int Players = 8, RecordsOfPlayer = 3, Length = 96;

    private readonly Coalition[] _coalitions = [.. Enumerable.Range(1, Players - 1).Select(size => Coalition.Of(Players, Enumerable.Range(0, size)))];

    private CpuBackend _backend = null!;
    private Transformer _model = null!;
    private FineTuningGame _game = null!;

    [Params(1, 4, 8)]
    public int BatchSize { get; set; }

    [GlobalSetup]
    public void Setup()
    {
        _backend = new CpuBackend();
        _model = Transformer.Random(_backend, SmallModel.Config, DType.F32, seed: 1);
        IReadOnlyList<TokenizedExample>[] groups = [.. Enumerable.Range(0, Players).Select(player => Records(RecordsOfPlayer, (ulong)player))];
        _game = new FineTuningGame(_model, groups, Records(8, 99), new FineTuningGameOptions
        {
            Lora = new LoraOptions { Rank = 8 },
            Training = new TrainingOptions { BatchSize = BatchSize },
        });
    }

    [Benchmark(OperationsPerInvoke = Players - 1)]
    public double SideBySide() => _game.Measure(_coalitions, default).Sum();

    [Benchmark(Baseline = true, OperationsPerInvoke = Players - 1)]
    public double OneAfterAnother() => _coalitions.Sum(coalition => _game.Measure([coalition], default)[0]);

    [GlobalCleanup]
    public void Cleanup()
    {
        _model.Dispose();
        _backend.Dispose();
    }

    private static TokenizedExample[] Records(int count, ulong seed)
    {
        var draws = new Philox(seed);
        return
        [
            .. Enumerable.Range(0, count).Select(i =>
            {
                int[] ids = [.. Enumerable.Range(0, Length).Select(_ => draws.NextInt32(SmallModel.Config.VocabularySize))];
                return new TokenizedExample($"{seed}-{i}", ids, ids);
            }),
        ];
    }
}
