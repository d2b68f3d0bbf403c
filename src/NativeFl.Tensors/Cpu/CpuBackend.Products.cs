using System.Runtime.InteropServices;
using NativeFl.Tensors.Cpu.Gemm;

namespace NativeFl.Tensors.Cpu;

public sealed unsafe partial class CpuBackend
{
    // Below this a wake-up costs more than the second thread saves: 2 microseconds at 100 GFLOP/s.
    private const long SerialOperations = 200_000;

    // Tiles for each thread: enough that one who was held up leaves the rest to the others, few enough that packing the rows anew does not show.
    private const int Tiles = 6, TurnedTiles = 2;

    /// <summary>Computes a product on all threads.</summary>
    private void Run(Product* product)
    {
        if (product->M == 0 || product->N == 0) return;
        long operations = 2L * product->M * product->N * Math.Max(1, product->K);
        var grid = new ProductGrid(product, _kernels.Width, GCHandle.ToIntPtr(_multipliersHandle));
        if (Threads > 1 && operations >= SerialOperations) grid.Cut((product->BLayout == OperandLayout.TurnedPanels ? TurnedTiles : Tiles) * Threads);
        Dispatch(grid.RowParts * grid.ColumnParts, operations, &RunTile, &grid);

        static void RunTile(void* context, int item, int worker)
        {
            ProductGrid* grid = (ProductGrid*)context;
            grid->Tile(item, out int m0, out int m1, out int n0, out int n1);
            MultiplierOf(grid->Multipliers, worker).Run(grid->Product, m0, m1, n0, n1);
        }
    }

    /// <summary>Runs items on all threads if they hold enough operations, else one after the other on this thread.</summary>
    private void Dispatch(int items, long operations, delegate*<void*, int, int, void> function, void* context)
    {
        if (operations >= SerialOperations)
        {
            _pool.Run(items, function, context);
            return;
        }
        int worker = _pool.CurrentWorker();
        for (int item = 0; item < items; item++) function(context, item, worker);
    }

    private static Multiplier MultiplierOf(nint handle, int worker) => ((Multiplier[])GCHandle.FromIntPtr(handle).Target!)[worker];
}
