using NativeFl.Tensors;
using NativeFl.Tests.Tensors;

namespace NativeFl.Cuda.Tests.Costs;

// Dense products and the adapter stack.
internal sealed partial class CostTests
{
    private static IEnumerable<CostCase> ProductCases => [.. GemmCases, .. Types.SelectMany(LoraCases), .. Types.Select(MergeCase), .. Types.Select(BiasCase)];

    // Two tiles of c by three, with a part of one on either side, so that every operand is read more than once.
    private static IEnumerable<CostCase> GemmCases
    {
        get
        {
            const int M = 160, N = 272, K = 96;
            foreach ((DType a, DType b, DType c, string types) in new[]
            {
                (DType.F32, DType.F32, DType.F32, "f32"), (DType.BF16, DType.BF16, DType.BF16, "bf16"), (DType.BF16, DType.BF16, DType.F32, "bf16_to_f32"),
            })
            {
                foreach ((bool transposeA, bool transposeB) in new[] { (false, false), (false, true), (true, false), (true, true) })
                {
                    string entry = $"gemm_{(transposeA ? "t" : "n")}{(transposeB ? "t" : "n")}_{types}";
                    yield return new CostCase(
                        entry,
                        test =>
                        {
                            TensorView left = transposeA ? test.Rows(K, M, a) : test.Rows(M, K, a), right = transposeB ? test.Rows(N, K, b) : test.Rows(K, N, b);
                            TensorView result = test.New(M, N, c);
                            return () => test.Backend.MatMul(left, transposeA, right, transposeB, false, result);
                        },
                        (entry, GemmValues(M, N, K, a, b, c)));
                }
            }
            foreach ((DType x, DType w, DType y, bool isForward, string entry) in new[]
            {
                (DType.F32, DType.BF16, DType.F32, true, "gemm_nt_f32_with_bf16"), (DType.F32, DType.BF16, DType.F32, false, "gemm_nn_f32_with_bf16"),
                (DType.BF16, DType.F32, DType.BF16, true, "gemm_nt_bf16_with_f32"), (DType.BF16, DType.F32, DType.BF16, false, "gemm_nn_bf16_with_f32"),
                (DType.BF16, DType.F32, DType.F32, true, "gemm_nt_bf16_with_f32_to_f32"),
            })
            {
                yield return new CostCase(
                    entry,
                    test =>
                    {
                        PackedMatrix weights = test.Pack(Sample.Normal(N * K, 1), isForward ? N : K, isForward ? K : N, w);
                        TensorView left = test.Rows(M, K, x), result = test.New(M, N, y);
                        return () =>
                        {
                            if (isForward) test.Backend.LinearForward(left, weights, default, false, result);
                            else test.Backend.LinearBackward(left, weights, false, result);
                        };
                    },
                    (entry, GemmValues(M, N, K, x, w, y)));
            }
        }
    }

    // gemm_bias is for cuBLASLt: another backend, of this case alone.
    private static CostCase BiasCase(DType type) => new(
        $"gemm_bias({type})",
        test =>
        {
            TensorView x = test.Rows(32, 64, type), bias = test.Rows(256, 1), y = test.New(32, 256, type);
            PackedMatrix w = test.Pack(Sample.Normal(256 * 64, 1), 256, 64, type);
            return With(options => options, blas => blas.LinearForward(x, w, bias, false, y));
        },
        (type == DType.F32 ? "gemm_bias_f32" : "gemm_bias_bf16", "M=32 N=256"));

    // The second shape has more columns and rows than a block sums, so that the parts are summed by kernels of their own.
    private static IEnumerable<CostCase> LoraCases(DType type)
    {
        string suffix = type == DType.F32 ? "_f32" : "_bf16";
        const string Values = "N=256 Cin=256 Cout=384 r=16", Split = "N=1152 Cin=1280 Cout=128 r=16";
        yield return new CostCase(
            $"lora, forward({type})", test => test.Lora(256, 256, 384, 16, type, isForward: true), ("lora_shrink" + suffix, Values), ("lora_expand" + suffix, Values));
        yield return new CostCase($"lora, backward({type})", test => test.Lora(256, 256, 384, 16, type, isForward: false), ("lora_gradient" + suffix, Values));
        yield return new CostCase($"lora, forward of wide rows({type})", test => test.Lora(1152, 1280, 128, 16, type, isForward: true), ("lora_shrink_sum", Split + " S=5"));
        yield return new CostCase($"lora, backward of many rows({type})", test => test.Lora(1152, 1280, 128, 16, type, isForward: false), ("lora_gradient_sum", Split + " S=4"));
    }

    private static CostCase MergeCase(DType type) => new(
        $"lora_merge({type})",
        test =>
        {
            const int Out = 256, In = 384, Ranks = 48;
            PackedMatrix w = test.Pack(Sample.Normal(Out * In, 1), Out, In, type);
            TensorView a = test.Rows(Ranks, In), b = test.Rows(Ranks, Out);
            return () => test.Backend.LoraMerge(a, b, [new(0, 0, 0, 16, 0, 0.5f), new(0, 0, 16, 32, 0, 0.5f)], w);
        },
        (type == DType.F32 ? "lora_merge_f32" : "lora_merge_bf16", "Cout=256 Cin=384 R=48"));

    private static string GemmValues(int m, int n, int k, DType a, DType b, DType c) => $"M={m} N={n} K={k} a={a.Size()} b={b.Size()} c={c.Size()}";

    private Action Lora(int rows, int inputs, int outputs, int rank, DType type, bool isForward)
    {
        TensorView x = Rows(rows, inputs, type), y = New(rows, outputs, type), dy = Rows(rows, outputs, type);
        TensorView a = Rows(rank, inputs), b = Rows(rank, outputs), s = New(rows, rank), ds = New(rows, rank), da = New(rank, inputs), db = New(rank, outputs);
        LoraGroup[] groups = [new(0, rows, 0, rank, 0, 2f)];
        return () =>
        {
            if (isForward) Backend.LoraForward(x, a, b, groups, s, y);
            else Backend.LoraBackward(dy, x, a, b, s, groups, ds, da, db, default);
        };
    }
}
