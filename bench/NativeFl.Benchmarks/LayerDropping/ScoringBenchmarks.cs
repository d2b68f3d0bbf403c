using BenchmarkDotNet.Attributes;
using NativeFl.Benchmarks.Training;
using NativeFl.Data;
using NativeFl.LayerDropping;
using NativeFl.Models;
using NativeFl.Tensors;
using NativeFl.Tensors.Cpu;

namespace NativeFl.Benchmarks.LayerDropping;

/// <summary>
/// Similarities of all sublayers and blocks (LLM-Drop) against the plain forward pass of the same 8 × 512 tokens, 2,048 of them at a time,
/// head and losses left out. Times are per token.
/// </summary>
public class ScoringBenchmarks
{
    private const int Samples = 8, Length = 512, Rows = 2048;

    private readonly List<TokenBatch> _batches = [];
    private CpuBackend _backend = null!;
    private Transformer _model = null!;
    private TokenizedExample[] _samples = [];

    /// <summary>Parameters in millions.</summary>
    [Params(3, 123)]
    public int Model { get; set; }

    [GlobalSetup]
    public void Setup()
    {
        _backend = new CpuBackend();
        _model = Transformer.Random(_backend, Model == 3 ? SmallModel.Config : MediumModel.Config, DType.F32, seed: 1);
        var draws = new Philox(1);
        _samples = [.. Enumerable.Range(0, Samples).Select(i =>
        {
            int[] ids = [.. Enumerable.Range(0, Length).Select(_ => draws.NextInt32(2048))];
            return new TokenizedExample($"{i}", ids, ids);
        })];
        foreach (TokenizedExample[] samples in _samples.Chunk(Rows / Length))
        {
            var batch = new TokenBatch();
            foreach (TokenizedExample sample in samples) batch.AddSequence(sample.InputIds, default, sample.Starts, 1);
            _batches.Add(batch);
        }
    }

    [Benchmark(Baseline = true, OperationsPerInvoke = Samples * Length)]
    public void PlainForward()
    {
        using var pass = new TransformerPass(_model, new PassOptions { MaxRows = Rows, MaxHeadRows = 1 });
        foreach (TokenBatch batch in _batches) pass.Forward(batch);
    }

    [Benchmark(OperationsPerInvoke = Samples * Length)]
    public LayerScores Score() => new SimilarityScorer(_model, Rows).Measure(_samples);

    [GlobalCleanup]
    public void Cleanup()
    {
        _model.Dispose();
        _backend.Dispose();
    }
}
