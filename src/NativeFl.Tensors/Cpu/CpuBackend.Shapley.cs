using System.Runtime.Intrinsics;

namespace NativeFl.Tensors.Cpu;

public sealed unsafe partial class CpuBackend
{
    /// <inheritdoc/>
    /// <remarks>Castro, Gómez, Tejada 2009, doi:10.1016/j.cor.2008.04.004. Cost of an order: 6 n d operations; the rows stay in the cache.</remarks>
    public override void ShapleyQuadratic(TensorView gains, TensorView rows, PlayerOrders orders, TensorView partials, TensorView moments)
    {
        int players = ShapleyCheck.Orders(checked((int)gains.Count), orders, partials, moments), width = rows.IsEmpty ? 0 : rows.Columns;
        TensorCheck.Holds(gains, DType.F32, players);
        if (width > 0) TensorCheck.Is(rows, DType.F32, players, width);
        WalkOrders(new QuadraticWalk((float*)gains.Pointer, (float*)rows.Pointer, players, width), orders, partials, moments);
    }

    /// <inheritdoc/>
    /// <remarks>Cost of an order: n² additions.</remarks>
    public override void ShapleyGram(TensorView gains, TensorView gram, PlayerOrders orders, TensorView partials, TensorView moments)
    {
        int players = ShapleyCheck.Orders(checked((int)gains.Count), orders, partials, moments);
        TensorCheck.Holds(gains, DType.F32, players);
        TensorCheck.Is(gram, DType.F32, players, players);
        WalkOrders(new GramWalk((float*)gains.Pointer, (float*)gram.Pointer, players), orders, partials, moments);
    }

    /// <inheritdoc/>
    public override void ShapleyVoting(TensorView weights, long quota, PlayerOrders orders, TensorView partials, TensorView moments)
    {
        int players = ShapleyCheck.Orders(checked((int)weights.Count), orders, partials, moments);
        TensorCheck.Holds(weights, DType.I32, players);
        WalkOrders(new VotingWalk((int*)weights.Pointer, players, quota), orders, partials, moments);
    }

    /// <inheritdoc/>
    /// <remarks>Cost of an order: 2 n T K comparisons.</remarks>
    public override void ShapleyNeighbours(TensorView keys, int neighbours, PlayerOrders orders, TensorView partials, TensorView moments)
    {
        int players = ShapleyCheck.Orders(keys.Rows, orders, partials, moments), points = ShapleyCheck.Points(keys, neighbours);
        WalkOrders(new NeighbourWalk((int*)keys.Pointer, players, points, neighbours), orders, partials, moments);
    }

    /// <inheritdoc/>
    /// <remarks>Cost: n² M / 2 operations for the normal equations; a task is one player.</remarks>
    public override void ShapleyTable(
        TensorView coalitions, TensorView values, TensorView weights, TensorView steps, TensorView sums, TensorView normal)
    {
        int players = ShapleyCheck.Table(coalitions, values, weights, steps, sums, normal);
        int rows = coalitions.Rows, words = coalitions.Columns, stepCount = steps.Rows;
        int* sets = (int*)coalitions.Pointer, step = (int*)steps.Pointer;
        double* v = (double*)values.Pointer, w = (double*)weights.Pointer, sum = (double*)sums.Pointer, equations = (double*)normal.Pointer;
        ParallelFor(players, 1, (first, end) =>
        {
            for (int player = first; player < end; player++)
            {
                var own = new Span<double>(sum + (9L * player), 9);
                var row = new Span<double>(equations + ((players + 1L) * player), players + 1);
                own.Clear();
                row.Clear();
                for (int s = 0; s < stepCount; s++)
                {
                    if (step[(3 * s) + 2] == player) AddTo(own[..3], 1, v[step[(3 * s) + 1]] - v[step[3 * s]]);
                }

                for (int m = 0; m < rows; m++)
                {
                    int* set = sets + ((long)words * m);
                    bool isIn = (set[player / 32] >> (player % 32) & 1) != 0;
                    AddTo(own.Slice(isIn ? 3 : 6, 3), w[2 * m], v[m]);
                    if (!isIn) continue;
                    double weight = w[(2 * m) + 1];
                    for (int other = 0; other < players; other++) row[other] += (set[other / 32] >> (other % 32) & 1) != 0 ? weight : 0;
                    row[players] += weight * v[m];
                }
            }
        });
    }

    private static void AddTo(Span<double> sums, double count, double value)
    {
        sums[0] += count;
        sums[1] += count * value;
        sums[2] += count * value * value;
    }

    /// <summary>Walks along all orders, part by part, and then adds the parts in their order.</summary>
    private void WalkOrders<TWalk>(TWalk walk, PlayerOrders orders, TensorView partials, TensorView moments)
        where TWalk : struct, IOrderWalk
    {
        int players = walk.Players, parts = partials.Rows;
        double* sums = (double*)partials.Pointer, total = (double*)moments.Pointer;
        ParallelFor(parts, 1, (first, end) =>
        {
            using var workspace = new Workspace(walk.ScratchFloats + (4L * (players + PhiloxRow.Words)));
            float* scratch = workspace.Take(walk.ScratchFloats), marginals = workspace.Take(players);
            int* order = (int*)workspace.Take(players), turned = (int*)workspace.Take(players);
            uint* words = (uint*)workspace.Take(players + PhiloxRow.Words);
            for (int part = first; part < end; part++)
            {
                double* own = sums + (2L * players * part);
                new Span<double>(own, 2 * players).Clear();
                long stop = (long)orders.Blocks * (part + 1) / parts;
                for (long block = (long)orders.Blocks * part / parts; block < stop; block++)
                {
                    PlayerShuffle.Fill(orders.Seed, (ulong)(orders.First + block), players, words, order);
                    for (int o = 0; o < orders.OrdersPerBlock; o++)
                    {
                        PlayerShuffle.Turn(order, players, orders, o, turned);
                        walk.Walk(turned, scratch, o == 0, marginals);
                    }

                    AddMarginals(marginals, walk.Scale / orders.OrdersPerBlock, players, own);
                }
            }
        });
        new Span<double>(total, 2 * players).Clear();
        for (int part = 0; part < parts; part++)
        {
            for (int i = 0; i < 2 * players; i++) total[i] += sums[(2L * players * part) + i];
        }
    }

    /// <summary>sums += marginal · scale, squares += (marginal · scale)²; the order and the rounding of kernels/shapley.cu.</summary>
    private static void AddMarginals(float* marginals, double scale, int players, double* sums)
    {
        double* squares = sums + players;
        Vector256<double> scales = Vector256.Create(scale);
        int i = 0;
        for (; i + 4 <= players; i += 4)
        {
            Vector256<double> marginal = Vector256.WidenLower(Vector128.Load(marginals + i).ToVector256());
            Vector256<double> scaled = marginal * scales;
            Vector256.FusedMultiplyAdd(marginal, scales, Vector256.Load(sums + i)).Store(sums + i);
            Vector256.FusedMultiplyAdd(scaled, scaled, Vector256.Load(squares + i)).Store(squares + i);
        }

        for (; i < players; i++)
        {
            double scaled = marginals[i] * scale;
            sums[i] = Math.FusedMultiplyAdd(marginals[i], scale, sums[i]);
            squares[i] = Math.FusedMultiplyAdd(scaled, scaled, squares[i]);
        }
    }
}
