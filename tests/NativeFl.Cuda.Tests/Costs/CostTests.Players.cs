using NativeFl.Tensors;

namespace NativeFl.Cuda.Tests.Costs;

// Values of players.
internal sealed partial class CostTests
{
    private const int Players = 64, Parts = 2;

    private static readonly PlayerOrders Orders = new(1, 8);

    private static IEnumerable<CostCase> PlayerCases =>
    [
        new(
            "shapley_quadratic",
            test =>
            {
                TensorView gains = test.Rows(Players, 1), rows = test.Rows(Players, 64);
                return test.Walk((partials, moments) => test.Backend.ShapleyQuadratic(gains, rows, Orders, partials, moments));
            },
            ("shapley_quadratic", OrderValues + " d=64"), ("shapley_moments", OrderValues)),
        new(
            "shapley_gram",
            test =>
            {
                TensorView gains = test.Rows(Players, 1), gram = test.Rows(Players, Players);
                return test.Walk((partials, moments) => test.Backend.ShapleyGram(gains, gram, Orders, partials, moments));
            },
            ("shapley_gram", OrderValues)),
        new(
            "shapley_voting",
            test =>
            {
                TensorView weights = test.UploadIntegers([.. Enumerable.Range(1, Players)]);
                return test.Walk((partials, moments) => test.Backend.ShapleyVoting(weights, 1000, Orders, partials, moments));
            },
            ("shapley_voting", OrderValues)),
        new(
            "shapley_neighbours",
            test =>
            {
                TensorView keys = test.UploadIntegers([.. Enumerable.Range(0, Players * 96).Select(i => 2 * (i / 96) + i % 2)]).Reshape(Players, 96);
                return test.Walk((partials, moments) => test.Backend.ShapleyNeighbours(keys, 5, Orders, partials, moments));
            },
            ("shapley_neighbours", OrderValues + " T=96 K=5")),
        new(
            "shapley_table",
            test =>
            {
                const int Rows = 512;
                TensorView coalitions = test.UploadIntegers([.. Enumerable.Repeat(-1, 2 * Rows)]).Reshape(Rows, 2), values = test.New(Rows, 1, DType.F64), weights = test.New(Rows, 2, DType.F64);
                TensorView steps = test.UploadIntegers([.. Enumerable.Range(0, 256).SelectMany(i => new[] { i, i + 1, i % Players })]).Reshape(256, 3);
                TensorView sums = test.New(Players, 9, DType.F64), normal = test.New(Players, Players + 1, DType.F64);
                return () => test.Backend.ShapleyTable(coalitions, values, weights, steps, sums, normal);
            },
            ("shapley_table", $"n={Players} M=512 words=2 steps=256")),
    ];

    private static string OrderValues => $"n={Players} P=8 parts={Parts} R=1 sums={16 * Players * Parts}";

    private Action Walk(Action<TensorView, TensorView> op)
    {
        TensorView partials = New(Parts, 2 * Players, DType.F64), moments = New(2, Players, DType.F64);
        return () => op(partials, moments);
    }
}
