using System.Runtime.InteropServices;
using NativeFl.Cuda.Kernels;
using NativeFl.Cuda.Streams;
using NativeFl.Tensors;
using NativeFl.Tensors.Cpu;

namespace NativeFl.Cuda;

public sealed unsafe partial class CudaBackend
{
    // Enough warps to hide the latency of one lane's swaps.
    private const int ShapleyMostWarps = 8, ShapleySumThreads = 256;

    /// <inheritdoc/>
    /// <remarks>kernels/shapley.cu: a block a part, a warp an order, then one thread a sum over the parts.</remarks>
    public override void ShapleyQuadratic(TensorView gains, TensorView rows, PlayerOrders orders, TensorView partials, TensorView moments)
    {
        int players = ShapleyCheck.Orders(checked((int)gains.Count), orders, partials, moments), width = rows.IsEmpty ? 0 : rows.Columns;
        TensorCheck.Holds(gains, DType.F32, players);
        if (width > 0) TensorCheck.Is(rows, DType.F32, players, width);
        var arguments = new ShapleyQuadraticArguments(gains.Pointer, rows.Pointer, width, players, Walked(orders, 1), partials.Pointer);
        Launch("shapley", "shapley_quadratic", OrderGeometry(players, 0, partials), arguments);
        SumParts(players, partials, moments);
    }

    /// <inheritdoc/>
    public override void ShapleyGram(TensorView gains, TensorView gram, PlayerOrders orders, TensorView partials, TensorView moments)
    {
        int players = ShapleyCheck.Orders(checked((int)gains.Count), orders, partials, moments);
        TensorCheck.Holds(gains, DType.F32, players);
        TensorCheck.Is(gram, DType.F32, players, players);
        var arguments = new ShapleyGramArguments(gains.Pointer, gram.Pointer, players, Walked(orders, 1), partials.Pointer);
        Launch("shapley", "shapley_gram", OrderGeometry(players, 1, partials), arguments);
        SumParts(players, partials, moments);
    }

    /// <inheritdoc/>
    public override void ShapleyVoting(TensorView weights, long quota, PlayerOrders orders, TensorView partials, TensorView moments)
    {
        int players = ShapleyCheck.Orders(checked((int)weights.Count), orders, partials, moments);
        TensorCheck.Holds(weights, DType.I32, players);
        var arguments = new ShapleyVotingArguments(weights.Pointer, quota, players, Walked(orders, 1), partials.Pointer);
        Launch("shapley", "shapley_voting", OrderGeometry(players, 0, partials), arguments);
        SumParts(players, partials, moments);
    }

    /// <inheritdoc/>
    public override void ShapleyNeighbours(TensorView keys, int neighbours, PlayerOrders orders, TensorView partials, TensorView moments)
    {
        int players = ShapleyCheck.Orders(keys.Rows, orders, partials, moments), points = ShapleyCheck.Points(keys, neighbours);
        var arguments = new ShapleyNeighboursArguments(
            keys.Pointer, points, neighbours, players, Walked(orders, 1.0 / ((double)neighbours * points)), partials.Pointer);
        Launch("shapley", "shapley_neighbours", OrderGeometry(players, 0, partials), arguments);
        SumParts(players, partials, moments);
    }

    /// <inheritdoc/>
    /// <remarks>The steps are on the device, so one that names a row or a player that there is not is not refused.</remarks>
    public override void ShapleyTable(
        TensorView coalitions, TensorView values, TensorView weights, TensorView steps, TensorView sums, TensorView normal)
    {
        int players = ShapleyCheck.Table(coalitions, values, weights, steps, sums, normal);
        var arguments = new ShapleyTableArguments(
            coalitions.Pointer, values.Pointer, weights.Pointer, steps.Pointer, coalitions.Rows, coalitions.Columns, steps.IsEmpty ? 0 : steps.Rows,
            players, sums.Pointer, normal.Pointer);
        Launch("shapley", "shapley_table", new LaunchShape(players, 1, 1, ShapleySumThreads), arguments);
    }

    /// <summary>A block a part, and as many warps in it as have their marginals, scratch and places in its shared memory.</summary>
    private static LaunchShape OrderGeometry(int players, int scratch, TensorView partials)
    {
        int bytes = sizeof(float) * (((1 + scratch) * players) + ((players + 1) / 2));
        int warps = Math.Clamp(DynamicShared.ShapleyMost / bytes, 1, ShapleyMostWarps);
        return new LaunchShape(partials.Rows, 1, 1, 32 * warps, warps * bytes);
    }

    private static ShapleyOrders Walked(PlayerOrders orders, double scale) =>
        new(orders.Seed, orders.First, orders.Blocks, orders.Turns, orders.OrdersPerBlock, scale / orders.OrdersPerBlock);

    private void SumParts(int players, TensorView partials, TensorView moments)
    {
        int count = 2 * players;
        var shape = new LaunchShape((count + ShapleySumThreads - 1) / ShapleySumThreads, 1, 1, ShapleySumThreads);
        Launch("shapley", "shapley_moments", shape, new ShapleyMomentsArguments(partials.Pointer, partials.Rows, count, moments.Pointer));
    }

    /// <summary>Six parameters of each kernel, in order.</summary>
    [StructLayout(LayoutKind.Sequential)]
    private readonly record struct ShapleyOrders(ulong Seed, long First, int Blocks, int Turns, int PerBlock, double Scale);

    [StructLayout(LayoutKind.Sequential)]
    private readonly record struct ShapleyQuadraticArguments(nint Gains, nint Rows, int Width, int Players, ShapleyOrders Orders, nint Partials);

    [StructLayout(LayoutKind.Sequential)]
    private readonly record struct ShapleyGramArguments(nint Gains, nint Gram, int Players, ShapleyOrders Orders, nint Partials);

    [StructLayout(LayoutKind.Sequential)]
    private readonly record struct ShapleyVotingArguments(nint Weights, long Quota, int Players, ShapleyOrders Orders, nint Partials);

    [StructLayout(LayoutKind.Sequential)]
    private readonly record struct ShapleyNeighboursArguments(
        nint Keys, int Points, int Neighbours, int Players, ShapleyOrders Orders, nint Partials);

    [StructLayout(LayoutKind.Sequential)]
    private readonly record struct ShapleyMomentsArguments(nint Partials, int Parts, int Count, nint Moments);

    [StructLayout(LayoutKind.Sequential)]
    private readonly record struct ShapleyTableArguments(
        nint Coalitions, nint Values, nint Weights, nint Steps, int Rows, int Words, int StepCount, int Players, nint Sums, nint Normal);
}
