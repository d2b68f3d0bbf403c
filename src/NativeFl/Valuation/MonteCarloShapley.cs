using NativeFl.Tensors;

namespace NativeFl.Valuation;

/// <summary>
/// Shapley's values of a game that a device computes, along as many random orders as wanted: plain, antithetic or stratified, and with the same
/// seed the very orders of <see cref="PermutationShapley"/>, <see cref="AntitheticShapley"/> and <see cref="StratifiedShapley"/>. Unbiased; the
/// values add up to v(all) − v(none); the standard error is that of the blocks.
/// </summary>
/// <param name="backend">Where.</param>
public sealed class MonteCarloShapley(Backend backend)
{
    // Blocks of one call of the device, which cannot be cancelled, and the most parts that they are summed in. The bits depend on both.
    private const int BlocksPerCall = 1 << 16, MostParts = 1024, BlocksPerPart = 8;

    /// <summary>The players' values.</summary>
    /// <param name="game">The game.</param>
    /// <param name="orders">Which orders, and how many.</param>
    /// <param name="cancellation">Polled between calls of the device.</param>
    public IReadOnlyList<PlayerValue> Estimate(IDeviceGame game, PlayerOrders orders, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(game);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(orders.Blocks, nameof(orders));
        int players = game.Players;
        int parts = Math.Min(MostParts, (Math.Min(orders.Blocks, BlocksPerCall) + BlocksPerPart - 1) / BlocksPerPart);
        double[] sums = new double[2 * players], moments = new double[2 * players];
        using DeviceOperand partials = DeviceOperand.Empty(backend, parts, 2 * players, DType.F64), total = DeviceOperand.Empty(backend, 2, players, DType.F64);
        for (int done = 0; done < orders.Blocks; done += BlocksPerCall)
        {
            cancellation.ThrowIfCancellationRequested();
            game.Walk(backend, orders with { First = orders.First + done, Blocks = Math.Min(BlocksPerCall, orders.Blocks - done) }, partials.View, total.View);
            backend.Download<double>(total.View, moments);
            for (int i = 0; i < sums.Length; i++) sums[i] += moments[i];
        }

        return [.. Enumerable.Range(0, players).Select(player => Value(sums[player], sums[players + player], orders))];
    }

    private static PlayerValue Value(double sum, double squares, PlayerOrders orders)
    {
        int blocks = orders.Blocks;
        double mean = sum / blocks, variance = Math.Max(0, squares - (sum * mean)) / Math.Max(1, blocks - 1);
        int marginals = (int)Math.Min(int.MaxValue, (long)blocks * orders.OrdersPerBlock);
        return new PlayerValue(mean, blocks < 2 ? null : Math.Sqrt(variance / blocks), marginals);
    }
}
