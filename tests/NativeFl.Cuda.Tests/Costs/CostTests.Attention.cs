using NativeFl.Tensors;

namespace NativeFl.Cuda.Tests.Costs;

// Attention: each width of a head is an entry point of its own.
internal sealed partial class CostTests
{
    private static IEnumerable<CostCase> AttentionCases => Types.SelectMany(type => new[] { 32, 64, 128, 256 }.SelectMany(width => new[] { AttentionCase(type, width), DecodeCase(type, width) }));

    private static CostCase AttentionCase(DType type, int width)
    {
        const int Heads = 4, KvHeads = 2;
        int tokens = width == 256 ? 64 : 128;
        AttentionTiling forward = AttentionTiling.Forward(type, width), keys = AttentionTiling.BackwardKeys(type, width), queries = AttentionTiling.BackwardQueries(type, width);
        string Values(AttentionTiling tiling) =>
            $"T={tokens} H={Heads} Hkv={KvHeads} D={width} W={tiling.Width} own={tiling.Own} walk={tiling.Walk} warps={tiling.Warps} parts={16 * tiling.Warps / tiling.Own}";
        return new CostCase(
            $"attention({type}, {width})",
            test =>
            {
                TensorView q = test.Rows(tokens, Heads * width, type), k = test.Rows(tokens, KvHeads * width, type), v = test.Rows(tokens, KvHeads * width, type);
                TensorView o = test.New(tokens, Heads * width, type), dO = test.Rows(tokens, Heads * width, type), dq = test.New(tokens, Heads * width, type);
                TensorView dk = test.New(tokens, KvHeads * width, type), dv = test.New(tokens, KvHeads * width, type);
                TensorView lse = test.New(tokens, Heads), delta = test.New(tokens, Heads);
                AttentionSpan[] spans = [AttentionSpan.Whole(0, tokens)];
                var shape = new AttentionShape(Heads, KvHeads, width, 0.1f);
                return With(options => options with { ActivationType = type }, backend =>
                {
                    backend.AttentionForward(q, k, v, spans, shape, o, lse);
                    backend.AttentionBackward(dO, q, k, v, o, lse, spans, shape, delta, dq, dk, dv);
                });
            },
            (forward.Entry, Values(forward)), (keys.Entry, Values(keys)), (queries.Entry, Values(queries)));
    }

    private static CostCase DecodeCase(DType type, int width)
    {
        const int Heads = 4, KvHeads = 2, Keys = 512;
        AttentionTiling split = AttentionTiling.Split(type, width);
        string values = $"H={Heads} Hkv={KvHeads} D={width} W={split.Width} M={Keys} S=4 walk={split.Walk} warps={split.Warps} strip={split.Own / split.Warps}";
        return new CostCase(
            $"decode({type}, {width})",
            test =>
            {
                TensorView q = test.Rows(1, Heads * width, type), k = test.Rows(Keys, KvHeads * width, type), v = test.Rows(Keys, KvHeads * width, type);
                TensorView o = test.New(1, Heads * width, type), lse = test.New(1, Heads);
                AttentionSpan[] spans = [new(0, 1, 0, Keys)];
                var shape = new AttentionShape(Heads, KvHeads, width, 0.1f);
                return With(options => options with { ActivationType = type }, backend => backend.AttentionForward(q, k, v, spans, shape, o, lse));
            },
            (split.Entry, values), (type == DType.F32 ? "attention_combine_f32" : "attention_combine_bf16", values));
    }
}
