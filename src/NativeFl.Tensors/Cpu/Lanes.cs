using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

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

    // Masked and inlined rather than a call: around a call every vector would have to be kept in memory, in the middle of the loop too.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<float> LoadTail(float* source, int left, float fill)
    {
        if (!Avx.IsSupported) return LoadOneByOne(source, left, fill);
        Vector256<float> mask = Mask(left);
        return Vector256.ConditionalSelect(mask, Avx.MaskLoad(source, mask), Vector256.Create(fill));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void StoreTail(Vector256<float> value, float* destination, int left)
    {
        if (Avx.IsSupported) Avx.MaskStore(destination, Mask(left), value);
        else StoreOneByOne(value, destination, left);
    }

    /// <summary>All bits set in the first <paramref name="left"/> lanes.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<float> Mask(int left) => Vector256.LessThan(Vector256<int>.Indices, Vector256.Create(left)).AsSingle();

    private static Vector256<float> LoadOneByOne(float* source, int left, float fill)
    {
        float* lanes = stackalloc float[Width];
        for (int i = 0; i < Width; i++) lanes[i] = i < left ? source[i] : fill;
        return Vector256.Load(lanes);
    }

    private static void StoreOneByOne(Vector256<float> value, float* destination, int left)
    {
        for (int i = 0; i < left; i++) destination[i] = value.GetElement(i);
    }
}
