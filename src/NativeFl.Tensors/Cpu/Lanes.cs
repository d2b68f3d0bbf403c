using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace NativeFl.Tensors.Cpu;

/// <summary>
/// Loads and stores of eight floats where fewer may be left, so that a loop has one body for the middle and the tail. The vector is
/// always 256 bits wide: the order of a sum, and so its last bit, is then the same on every machine and in every build.
/// </summary>
internal static unsafe class Lanes
{
    /// <summary>Floats in a vector.</summary>
    public const int Width = 8;

    /// <summary>The next min(8, left) floats; the lanes beyond hold <paramref name="fill"/>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Load(float* source, long left, float fill = 0) =>
        left >= Width ? Vector256.Load(source) : LoadTail(source, (int)left, fill);

    /// <summary>Stores the first min(8, left) lanes.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(Vector256<float> value, float* destination, long left)
    {
        if (left >= Width) value.Store(destination);
        else StoreTail(value, destination, (int)left);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static Vector256<float> LoadTail(float* source, int left, float fill)
    {
        float* lanes = stackalloc float[Width];
        for (int i = 0; i < Width; i++) lanes[i] = i < left ? source[i] : fill;
        return Vector256.Load(lanes);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void StoreTail(Vector256<float> value, float* destination, int left)
    {
        for (int i = 0; i < left; i++) destination[i] = value.GetElement(i);
    }
}
