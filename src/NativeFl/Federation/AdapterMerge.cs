using NativeFl.Models;
using NativeFl.Tensors;

namespace NativeFl.Federation;

/// <summary>W ← W + s BᵀA in every module of an adapter, with the price of storing the result.</summary>
public static class AdapterMerge
{
    /// <summary>One matrix: ‖(W′ − W) − ΔW‖² and ‖ΔW‖².</summary>
    internal static (double Error, double Norm) Into(Backend backend, PackedMatrix w, LoraFactors factors, DType storage)
    {
        using var product = new DenseProduct(backend, w.Out, w.In, [factors]);
        float[] before = Read(backend, w);
        DenseProduct.Merge(backend, factors, w);
        float[] after = Read(backend, w);
        var delta = new float[product.BlockRows * w.In];
        double error = 0, norm = 0;
        for (int first = 0; first < w.Out; first += product.BlockRows)
        {
            int count = Math.Min(product.BlockRows, w.Out - first) * w.In;
            long start = (long)first * w.In;
            product.Rows(first, delta.AsSpan(0, count));
            for (int i = 0; i < count; i++)
            {
                double difference = (double)Round(after[start + i], storage) - before[start + i] - delta[i];
                error += difference * difference;
                norm += (double)delta[i] * delta[i];
            }
        }

        return (error, norm);
    }

    private static float[] Read(Backend backend, PackedMatrix w)
    {
        var plan = new MemoryPlan("rows");
        Slot slot = plan.Add("rows", new Shape(w.Out, w.In));
        using var arena = new Arena(backend, plan);
        var values = new float[checked(w.Out * w.In)];
        backend.Unpack(w, 0, arena[slot]);
        backend.Download<float>(arena[slot], values);
        return values;
    }

    private static float Round(float value, DType storage) => storage switch
    {
        DType.F16 => (float)(Half)value,
        DType.BF16 => RoundToBfloat16(value),
        _ => value,
    };

    /// <summary>Round to nearest, ties to even, on the upper 16 bits.</summary>
    private static float RoundToBfloat16(float value)
    {
        uint bits = BitConverter.SingleToUInt32Bits(value);
        return BitConverter.UInt32BitsToSingle((bits + 0x7FFF + ((bits >> 16) & 1)) & 0xFFFF0000);
    }
}
