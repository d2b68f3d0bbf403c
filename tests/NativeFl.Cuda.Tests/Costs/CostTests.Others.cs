using NativeFl.Tensors;
using NativeFl.Tests.Tensors;

namespace NativeFl.Cuda.Tests.Costs;

// The table of tokens, the loss, the optimiser, clusters.
internal sealed partial class CostTests
{
    private static IEnumerable<CostCase> OtherCases => [.. Types.SelectMany(EmbeddingCases), LossCase(true), LossCase(false), RoundedLossCase, OptimiserCase, ClusterCase];

    private static CostCase OptimiserCase => new(
        "grad_norm and adamw",
        test =>
        {
            const int Count = 40_960;
            ParameterRange[] ranges = [new(0, 8192, 0), new(8192, 32768, 1)];
            AdamWSegment[] segments = [new(1, 1e-3f, 0.01f, 1f), new(1, 1e-3f, 0.01f, 1f)];
            TensorView g = test.Rows(Count, 1), norms = test.New(2, 1), p = test.Rows(Count, 1), m = test.New(Count, 1), v = test.New(Count, 1);
            return () =>
            {
                test.Backend.GradNorm(g, ranges, norms);
                test.Backend.AdamW(g, norms, ranges, segments, p, m, v);
            };
        },
        ("grad_norm_squares", "P=40960 blocks=5 ranges=2"), ("grad_norm_roots", "K=2 blocks=5"), ("adamw", "P=40960 K=2 blocks=5 ranges=2"));

    private static CostCase ClusterCase => new(
        "kmeans",
        test =>
        {
            const int Rows = 256, Clusters = 128, Columns = 256;
            TensorView x = test.Rows(Rows, Columns), centres = test.Rows(Clusters, Columns), distances = test.New(Rows, 1);
            TensorView nearest = test.UploadIntegers(new int[Rows]), sizes = test.UploadIntegers(new int[Clusters]);
            return () =>
            {
                test.Backend.KMeansAssign(x, centres, nearest, distances);
                test.Backend.Upload<int>([.. Enumerable.Range(0, Rows).Select(row => row % Clusters)], nearest);
                test.Backend.KMeansUpdate(x, nearest, centres, sizes);
            };
        },
        ("kmeans_assign", "N=256 K=128 C=256"), ("kmeans_sum", "N=256 K=128 C=256 S=1"), ("kmeans_mean", "K=128 C=256 S=1"));

    private static CostCase LossCase(bool withGradient) => new(
        $"cross_entropy({(withGradient ? "with" : "without")} gradient)",
        test =>
        {
            const int Rows = 3, Vocabulary = 8192;
            TensorView labels = test.UploadIntegers(5, 4095, 8000), weights = test.Rows(Rows, 1), logits = test.Rows(Rows, Vocabulary), losses = test.New(Rows, 1);
            return () => test.Backend.CrossEntropy(labels, weights, withGradient, logits, losses);
        },
        ("cross_entropy", $"N=3 vocab=8192 gradient={(withGradient ? 1 : 0)} warps=16"));

    private static CostCase RoundedLossCase => new(
        "cross_entropy_to_bf16",
        test =>
        {
            TensorView labels = test.UploadIntegers(5, 4095, 8000), weights = test.Rows(3, 1), logits = test.Rows(3, 8192), losses = test.New(3, 1);
            TensorView gradient = test.New(3, 8192, DType.BF16);
            return () => test.Backend.CrossEntropy(labels, weights, logits, losses, gradient);
        },
        ("cross_entropy_to_bf16", "N=3 vocab=8192 warps=16"));

    private static IEnumerable<CostCase> EmbeddingCases(DType type)
    {
        const int Tokens = 2048, Vocabulary = 1024, Columns = 64;
        string suffix = type == DType.F32 ? "_f32" : "_bf16", other = type == DType.F32 ? "_widened_f32" : "_rounded_bf16";
        foreach (DType stored in Types)
        {
            yield return new CostCase(
                $"embedding_forward({stored} to {type})",
                test =>
                {
                    PackedMatrix table = test.Pack(Sample.Normal(Vocabulary * Columns, 1), Vocabulary, Columns, stored);
                    TensorView tokens = test.UploadIntegers([.. Enumerable.Range(0, 96).Select(i => 3 * i)]), x = test.New(96, Columns, type);
                    return () => test.Backend.EmbeddingForward(table, tokens, x);
                },
                ($"embedding_forward{(stored == type ? suffix : other)}", $"N=96 C={Columns} w={stored.Size()} lanes=8"));
        }

        // Every token twice: rows i and i + 1024.
        yield return new CostCase(
            $"embedding_backward({type})",
            test =>
            {
                TensorView tokens = test.UploadIntegers([.. Enumerable.Range(0, Tokens).Select(i => i % Vocabulary)]);
                TensorView dx = test.Rows(Tokens, Columns, type), table = test.New(Vocabulary, Columns);
                return () => test.Backend.EmbeddingBackward(dx, tokens, table);
            },
            ("embedding_sort_tokens", $"N={Tokens}"), ("embedding_merge_tokens", $"N={Tokens}"),
            ($"embedding_backward{suffix}", $"N={Tokens} C={Columns} tokens={Vocabulary}"));
    }
}
