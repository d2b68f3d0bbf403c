using BenchmarkDotNet.Attributes;
using NativeFl.Models;
using NativeFl.Tensors;
using NativeFl.Tensors.Cpu;

namespace NativeFl.Benchmarks.LayerDropping;

/// <summary>
/// A step of decoding through the key/value cache on <see cref="MediumModel"/>: one token a sequence at position 512, logits included, with
/// all attention layers and without the last half of them. Times are of a step, which gives <see cref="Sequences"/> tokens. A step reads 492 MB
/// of weights and 8.4 MB of cache a sequence, without half of the attention 450 and 4.2 MB: bound by memory it would be 1.10 times as fast
/// with one sequence and 1.21 times with sixteen.
/// </summary>
public class DecodeBenchmarks
{
    private const int Position = 512;

    private readonly List<IDisposable> _owned = [];
    private Decoder _all = null!, _half = null!;

    [Params(1, 16)]
    public int Sequences { get; set; }

    [GlobalSetup]
    public void Setup()
    {
        var backend = new CpuBackend();
        var model = Transformer.Random(backend, MediumModel.Config, DType.F32, seed: 1);
        int layers = model.Config.LayerCount;
        Transformer half = model.Without(new DroppedSublayers(
            Enumerable.Range(layers / 2, layers - (layers / 2)).Select(layer => new Sublayer(layer, SublayerKind.Attention))));
        (_all, _half) = (new Decoder(model, Sequences), new Decoder(half, Sequences));
        _owned.AddRange([_all, _half, half, model, backend]);
    }

    [Benchmark(Baseline = true)]
    public float AllAttention() => _all.Step();

    [Benchmark]
    public float HalfTheAttention() => _half.Step();

    [GlobalCleanup]
    public void Cleanup()
    {
        _owned.ForEach(o => o.Dispose());
        _owned.Clear();
    }

    /// <summary>Sequences that have been read up to a position; their next token is made again and again.</summary>
    private sealed class Decoder : IDisposable
    {
        private readonly KvCache _cache;
        private readonly TransformerPass _pass;
        private readonly TokenBatch _next = new();

        public Decoder(Transformer model, int sequences)
        {
            _cache = new KvCache(model, sequences, Position + 1);
            _pass = new TransformerPass(model, new PassOptions { MaxRows = Position, MaxHeadRows = sequences });
            var prompt = new TokenBatch();
            var draws = new Philox(1);
            for (int i = 0; i < sequences; i++)
            {
                prompt.Clear();
                prompt.AddCached([.. Enumerable.Range(0, Position).Select(_ => draws.NextInt32(model.Config.VocabularySize))], 0, i * _cache.Capacity);
                _pass.Forward(prompt, _cache);
                _next.AddCached([draws.NextInt32(model.Config.VocabularySize)], Position, i * _cache.Capacity);
                _next.AddTarget(i, 0, 1);
            }
        }

        public float Step()
        {
            float first = 0;
            _pass.Forward(_next, _cache);
            _pass.Logits((_, _, logits) => first = logits[0]);
            return first;
        }

        public void Dispose()
        {
            _pass.Dispose();
            _cache.Dispose();
        }
    }
}
