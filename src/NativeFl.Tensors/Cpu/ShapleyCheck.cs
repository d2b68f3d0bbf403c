namespace NativeFl.Tensors.Cpu;

/// <summary>What the Shapley ops demand of their arguments, on every backend.</summary>
internal static class ShapleyCheck
{
    /// <summary>The most players of an op along orders: what one warp of a GPU keeps in shared memory.</summary>
    public const int MostPlayers = 4096;

    /// <summary>The most neighbours: what one thread of a GPU keeps in registers.</summary>
    public const int MostNeighbours = 16;

    /// <summary>The number of players, if they and the orders fit each other and the sums.</summary>
    public static int Orders(int players, PlayerOrders orders, TensorView partials, TensorView moments)
    {
        if (players is < 1 or > MostPlayers) throw new ArgumentException($"players: expected 1 .. {MostPlayers}, got {players}", nameof(players));
        if (orders.Blocks < 1 || orders.First < 0 || orders.First > int.MaxValue - orders.Blocks || orders.Turns < 1 || orders.Turns > players)
            throw new ArgumentException($"orders: expected at least one block and 1 .. {players} turns, got {orders}", nameof(orders));
        if (partials.Rows < 1) throw new ArgumentException("partials: expected at least one part, got none", nameof(partials));
        TensorCheck.Is(partials, DType.F64, partials.Rows, 2 * players);
        TensorCheck.Is(moments, DType.F64, 2, players);
        return players;
    }

    /// <summary>The number of points of keys (n, T).</summary>
    public static int Points(TensorView keys, int neighbours)
    {
        if (neighbours is < 1 or > MostNeighbours) throw new ArgumentException($"neighbours: expected 1 .. {MostNeighbours}, got {neighbours}", nameof(neighbours));
        if (keys.Columns < 1) throw new ArgumentException("keys: expected at least one point, got none", nameof(keys));
        TensorCheck.Is(keys, DType.I32, keys.Rows, keys.Columns);
        return keys.Columns;
    }

    /// <summary>The number of players of a table.</summary>
    public static int Table(TensorView coalitions, TensorView values, TensorView weights, TensorView steps, TensorView sums, TensorView normal)
    {
        int players = sums.Rows, rows = coalitions.Rows;
        TensorCheck.Is(coalitions, DType.I32, rows, (players + 31) / 32);
        TensorCheck.Holds(values, DType.F64, rows);
        TensorCheck.Is(weights, DType.F64, rows, 2);
        if (steps.Count > 0) TensorCheck.Is(steps, DType.I32, steps.Rows, 3);
        TensorCheck.Is(sums, DType.F64, players, 9);
        TensorCheck.Is(normal, DType.F64, players, players + 1);
        return players;
    }
}
