using NativeFl.Tensors;

namespace NativeFl.Tests.Tensors;

/// <summary>Random test data.</summary>
internal static class Sample
{
    /// <summary>Standard normal numbers times <paramref name="scale"/>.</summary>
    public static float[] Normal(int count, ulong seed, double scale = 1)
    {
        var random = new Philox(seed, 0x7E57);
        float[] values = new float[count];
        for (int i = 0; i < count; i++) values[i] = (float)(random.NextNormal() * scale);
        return values;
    }

    /// <summary>Integers in [0, <paramref name="limit"/>).</summary>
    public static int[] Integers(int count, int limit, ulong seed)
    {
        var random = new Philox(seed, 0x1D5);
        int[] values = new int[count];
        for (int i = 0; i < count; i++) values[i] = random.NextInt32(limit);
        return values;
    }

    public static double[] Wide(this float[] values) => [.. values.Select(x => (double)x)];
}
