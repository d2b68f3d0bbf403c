using NativeFl.Tensors;
using NativeFl.Tests.Tensors;

namespace NativeFl.Cuda.Tests.Costs;

// Ops that walk along rows, or along elements one by one.
internal sealed partial class CostTests
{
    private static readonly DType[] Types = [DType.F32, DType.BF16];

    // A few rows of a warp; wider than what the lanes of a row hold.
    private static readonly (int Rows, int Columns)[] RowShapes = [(24, 256), (3, 16896)];

    private static IEnumerable<CostCase> RowCases =>
        [.. Types.SelectMany(type => RowShapes.SelectMany(shape => NormCases(type, shape.Rows, shape.Columns))), .. Types.SelectMany(ElementCases)];

    private static IEnumerable<CostCase> NormCases(DType type, int rows, int columns)
    {
        string suffix = type == DType.F32 ? "_f32" : "_bf16", at = $"({type}, {rows} x {columns})", values = $"N={rows} C={columns} lanes={Lanes(rows, columns, type, 4)}";
        yield return new CostCase(
            $"rms_norm_forward{at}",
            test =>
            {
                TensorView x = test.Rows(rows, columns, type), w = test.Rows(columns, 1), y = test.New(rows, columns, type), rstd = test.New(rows, 1);
                return () => test.Backend.RmsNormForward(x, w, 1e-5f, y, rstd);
            },
            ($"rms_norm_forward{suffix}", values));
        yield return new CostCase(
            $"rms_norm_backward{at}",
            test =>
            {
                TensorView x = test.Rows(rows, columns, type), w = test.Rows(columns, 1), dy = test.Rows(rows, columns, type), rstd = test.Rows(rows, 1);
                TensorView dx = test.New(rows, columns, type), dw = test.New(columns, 1);
                return () => test.Backend.RmsNormBackward(dy, x, w, rstd, dx, dw);
            },
            ($"rms_norm_backward{suffix}", values), ($"rms_norm_weight_gradient{suffix}", $"N={rows} C={columns} chunks=1"),
            ("column_sum_f32", $"N=1 C={columns} chunks=1 accumulate=1"));
        yield return new CostCase(
            $"residual_rms_norm_forward{at}",
            test =>
            {
                TensorView x = test.Rows(rows, columns, type), w = test.Rows(columns, 1), delta = test.Rows(rows, columns, type), rstd = test.New(rows, 1);
                TensorView sum = test.New(rows, columns, type), y = test.New(rows, columns, type), products = test.New(rows, 3);
                return () => test.Backend.ResidualRmsNormForward(x, delta, w, 1e-5f, sum, y, rstd, products);
            },
            ($"residual_rms_norm_forward{suffix}", values));
        yield return new CostCase(
            $"cosine_similarity{at}",
            test =>
            {
                TensorView x = test.Rows(rows, columns, type), y = test.Rows(rows, columns, type), products = test.New(rows, 3);
                return () => test.Backend.CosineSimilarity(x, y, products);
            },
            ($"cosine_similarity{suffix}", values));
    }

    private static IEnumerable<CostCase> ElementCases(DType type)
    {
        const int Rows = 24, Columns = 256;
        string suffix = type == DType.F32 ? "_f32" : "_bf16", values = $"N={Rows} C={Columns} F={Columns} n={Rows * Columns} chunks=1 accumulate=1";
        yield return new CostCase(
            $"swiglu_forward({type})",
            test =>
            {
                TensorView gate = test.Rows(Rows, Columns, type), up = test.Rows(Rows, Columns, type), y = test.New(Rows, Columns, type);
                return () => test.Backend.SwigluForward(gate, up, y);
            },
            ($"swiglu_forward{suffix}", values));
        yield return new CostCase(
            $"swiglu_backward({type})",
            test =>
            {
                TensorView gate = test.Rows(Rows, Columns, type), up = test.Rows(Rows, Columns, type), dy = test.Rows(Rows, Columns, type);
                TensorView dGate = test.New(Rows, Columns, type), dUp = test.New(Rows, Columns, type);
                return () => test.Backend.SwigluBackward(dy, gate, up, dGate, dUp);
            },
            ($"swiglu_backward{suffix}", values));
        yield return new CostCase(
            $"add_scaled({type})",
            test =>
            {
                TensorView x = test.Rows(Rows, Columns, type), y = test.Rows(Rows, Columns, type);
                return () => test.Backend.AddScaled(x, 0.5f, y);
            },
            ($"add_scaled{suffix}", values));
        yield return new CostCase(
            $"column_sum({type})",
            test =>
            {
                TensorView x = test.Rows(Rows, Columns, type), sums = test.New(Columns, 1);
                return () => test.Backend.ColumnSum(x, sums);
            },
            ($"column_sum{suffix}", values));
        DType other = type == DType.F32 ? DType.BF16 : DType.F32;
        yield return new CostCase(
            $"copy to {other}",
            test =>
            {
                TensorView x = test.Rows(Rows, Columns, type), y = test.New(Rows, Columns, other);
                return () => test.Backend.Copy(x, y);
            },
            (type == DType.F32 ? "copy_f32_to_bf16" : "copy_bf16_to_f32", values));
        DropoutRows[] clients = [new(0, 8, 1, 1), new(8, 12, 2, 1), new(20, 4, 3, 1)];
        string drops = $"N={Rows} C={Columns} K={clients.Length} lanes={Lanes(Rows, Columns, type, 2)}";
        yield return new CostCase(
            $"dropout_forward({type})",
            test =>
            {
                TensorView x = test.Rows(Rows, Columns, type), y = test.New(Rows, Columns, type);
                return () => test.Backend.DropoutForward(x, clients, 5, 0.3f, y);
            },
            ($"dropout_forward{suffix}", drops));
        yield return new CostCase(
            $"dropout_backward({type})",
            test =>
            {
                TensorView dy = test.Rows(Rows, Columns, type), dx = test.Rows(Rows, Columns, type);
                return () => test.Backend.DropoutBackward(dy, clients, 5, 0.3f, dx);
            },
            ($"dropout_backward{suffix}", drops));
        foreach (bool isForward in new[] { true, false })
        {
            yield return new CostCase(
                $"rope_{(isForward ? "forward" : "backward")}({type})",
                test =>
                {
                    TensorView x = test.Rows(Rows, 2 * Columns, type), positions = test.UploadIntegers([.. Enumerable.Range(0, Rows)]), frequencies = test.Rows(32, 1);
                    return () =>
                    {
                        if (isForward) test.Backend.RopeForward(positions, frequencies, x);
                        else test.Backend.RopeBackward(positions, frequencies, x);
                    };
                },
                ($"rope_{(isForward ? "forward" : "backward")}{suffix}", $"N={Rows} H=8 D=64"));
            yield return new CostCase(
                $"{(isForward ? "gather" : "scatter")}_rows({type})",
                test =>
                {
                    TensorView many = test.Rows(Rows, Columns, type), few = test.Rows(12, Columns, type), rows = test.UploadIntegers([.. Enumerable.Range(0, 12).Select(i => 2 * i)]);
                    return () =>
                    {
                        if (isForward) test.Backend.GatherRows(many, rows, few);
                        else test.Backend.ScatterRows(few, rows, many);
                    };
                },
                ($"{(isForward ? "gather" : "scatter")}_rows{suffix}", $"M=12 C={Columns} lanes={Lanes(12, Columns, type, 2)}"));
        }
    }

    private static int Lanes(int rows, int columns, DType type, int vectorsPerLane) => RowGeometry.Of(rows, columns, 16 / type.Size(), vectorsPerLane).Lanes;

    /// <summary>A tensor of normal numbers.</summary>
    private TensorView Rows(int rows, int columns, DType type = DType.F32) => Upload(Sample.Normal(rows * columns, 7), rows, columns, type);
}
