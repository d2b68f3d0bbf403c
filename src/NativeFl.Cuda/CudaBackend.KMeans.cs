using System.Runtime.InteropServices;
using NativeFl.Cuda.Streams;
using NativeFl.Tensors;
using NativeFl.Tensors.Cpu;

namespace NativeFl.Cuda;

public sealed unsafe partial class CudaBackend
{
    // kernels/kmeans.cu cuts by the same numbers.
    private const int AssignRows = 64, AssignThreads = 256, ClusterSumThreads = 128;

    // Enough blocks to fill a GPU however few the clusters are, and segments that are worth a block.
    private const int ClusterBlocks = 256, FewestSegmentRows = 1024;

    /// <inheritdoc/>
    public override void KMeansAssign(TensorView x, TensorView centres, TensorView nearest, TensorView distances)
    {
        int rows = x.Rows, clusters = centres.Rows, columns = x.Columns;
        TensorCheck.Is(x, DType.F32, rows, columns);
        TensorCheck.Is(centres, DType.F32, Math.Max(1, clusters), columns);
        TensorCheck.Holds(nearest, DType.I32, rows);
        TensorCheck.Holds(distances, DType.F32, rows);
        var arguments = new KMeansAssignArguments(x.Pointer, centres.Pointer, rows, clusters, columns, nearest.Pointer, distances.Pointer);
        Launch("kmeans", "kmeans_assign", new LaunchShape((int)(((long)rows + AssignRows - 1) / AssignRows), 1, 1, AssignThreads), arguments);
    }

    /// <inheritdoc/>
    /// <remarks>The order of the sums depends on the shapes alone. The indices are on the device, so one that is no cluster is not refused: its row is in none.</remarks>
    public override void KMeansUpdate(TensorView x, TensorView nearest, TensorView centres, TensorView sizes)
    {
        int rows = x.Rows, clusters = centres.Rows, columns = x.Columns;
        TensorCheck.Is(x, DType.F32, rows, columns);
        TensorCheck.Is(centres, DType.F32, clusters, columns);
        TensorCheck.Holds(nearest, DType.I32, rows);
        TensorCheck.Holds(sizes, DType.I32, clusters);
        if (clusters == 0) return;
        int segments = Math.Clamp(ClusterBlocks / clusters, 1, Math.Max(1, rows / FewestSegmentRows));
        int segmentRows = (rows + segments - 1) / segments, tiles = (columns + ClusterSumThreads - 1) / ClusterSumThreads;
        long clusterBytes = segments * ((columns * sizeof(double)) + (long)sizeof(double));
        int atOnce = (int)Math.Clamp(WorkspaceBytes / clusterBytes, 1, clusters);
        for (int first = 0; first < clusters; first += atOnce)
        {
            int count = Math.Min(atOnce, clusters - first);
            nint sums = Workspace(count * clusterBytes), counts = sums + (nint)((long)count * segments * columns * sizeof(double));
            var sum = new KMeansSumArguments(x.Pointer, nearest.Pointer, rows, columns, segmentRows, first, sums, counts);
            Launch("kmeans", "kmeans_sum", new LaunchShape(count, tiles, segments, ClusterSumThreads), sum);
            var mean = new KMeansMeanArguments(sums, counts, segments, columns, first, centres.Pointer, sizes.Pointer);
            Launch("kmeans", "kmeans_mean", new LaunchShape(count, tiles, 1, ClusterSumThreads), mean);
        }
    }

    [StructLayout(LayoutKind.Sequential)]
    private readonly record struct KMeansAssignArguments(nint X, nint Centres, int Rows, int Clusters, int Columns, nint Nearest, nint Distances);

    [StructLayout(LayoutKind.Sequential)]
    private readonly record struct KMeansSumArguments(
        nint X, nint Nearest, int Rows, int Columns, int SegmentRows, int FirstCluster, nint Sums, nint Counts);

    [StructLayout(LayoutKind.Sequential)]
    private readonly record struct KMeansMeanArguments(nint Sums, nint Counts, int Segments, int Columns, int FirstCluster, nint Centres, nint Sizes);
}
