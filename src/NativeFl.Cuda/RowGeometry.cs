using System.Numerics;
using NativeFl.Cuda.Streams;

namespace NativeFl.Cuda;

/// <summary>How rows are spread over blocks of 256 threads: <paramref name="Lanes"/> threads a row, a power of two.</summary>
internal readonly record struct RowGeometry(int Lanes, LaunchShape Shape)
{
    public const int Threads = 256;

    // A cache line of 128 bytes, read 16 bytes a lane.
    private const int FewestLanes = 8;

    /// <summary>As many lanes as give each about so many vectors of <paramref name="width"/> elements.</summary>
    public static RowGeometry Of(int rows, int columns, int width, int vectorsPerLane)
    {
        long wanted = ((long)columns + (width * vectorsPerLane) - 1) / (width * vectorsPerLane);
        int lanes = (int)BitOperations.RoundUpToPowerOf2((uint)Math.Clamp(wanted, FewestLanes, Threads)), rowsPerBlock = Threads / lanes;
        return new RowGeometry(lanes, new LaunchShape((int)(((long)rows + rowsPerBlock - 1) / rowsPerBlock), 1, 1, Threads));
    }
}
