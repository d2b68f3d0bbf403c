using NativeFl.Tensors;

namespace NativeFl.Cuda.Tests.Costs;

// Attention: each width of a head is an entry point of its own.
internal sealed partial class CostTests
{
    private static IEnumerable<CostCase> AttentionCases =>
    [
        .. Types.SelectMany(type => new[] { 32, 64, 128, 256 }.SelectMany(width => new[] { AttentionCase(type, width), DecodeCase(type, width) })),
        WgmmaCase(64), WgmmaCase(128),
    ];

    private static CostCase AttentionCase(DType type, int width)
    {
        AttentionTiling forward = AttentionTiling.Forward(type, width), keys = AttentionTiling.BackwardKeys(type, width), queries = AttentionTiling.BackwardQueries(type, width);
        var shape = new AttentionShape(4, 2, width, 0.1f);
        return TrainedCase($"attention({type}, {width})", type, shape, width == 256 ? 64 : 128, useWgmma: false, forward, keys, queries);
    }

    // As many heads a group as make a block's rows 64 queries.
    private static CostCase WgmmaCase(int width)
    {
        AttentionTiling forward = AttentionTiling.WgmmaForward(width);
        var shape = new AttentionShape(forward.Own / 64 * 2, 2, width, 0.1f);
        return TrainedCase(
            $"wgmma({width})", DType.BF16, shape, tokens: 256, useWgmma: true, forward, AttentionTiling.WgmmaBackwardKeys(width), AttentionTiling.WgmmaBackwardQueries(width));
    }

    private static CostCase TrainedCase(string name, DType type, AttentionShape shape, int tokens, bool useWgmma, params AttentionTiling[] tilings)
    {
        string Values(AttentionTiling tiling) =>
            $"T={tokens} H={shape.Heads} Hkv={shape.KvHeads} D={shape.HeadWidth} W={tiling.Width} own={tiling.Own} walk={tiling.Walk} warps={tiling.Warps} parts={16 * tiling.Warps / tiling.Own}";
        return new CostCase(
            name,
            test =>
            {
                int width = shape.Heads * shape.HeadWidth, kvWidth = shape.KvHeads * shape.HeadWidth;
                TensorView q = test.Rows(tokens, width, type), k = test.Rows(tokens, kvWidth, type), v = test.Rows(tokens, kvWidth, type);
                TensorView o = test.New(tokens, width, type), dO = test.Rows(tokens, width, type), dq = test.New(tokens, width, type);
                TensorView dk = test.New(tokens, kvWidth, type), dv = test.New(tokens, kvWidth, type);
                TensorView lse = test.New(tokens, shape.Heads), delta = test.New(tokens, shape.Heads);
                AttentionSpan[] spans = [AttentionSpan.Whole(0, tokens)];
                return With(options => options with { ActivationType = type, UseWgmma = useWgmma }, backend =>
                {
                    backend.AttentionForward(q, k, v, spans, shape, o, lse);
                    backend.AttentionBackward(dO, q, k, v, o, lse, spans, shape, delta, dq, dk, dv);
                });
            },
            [.. tilings.Select(tiling => (tiling.Entry, Values(tiling)))]);
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
