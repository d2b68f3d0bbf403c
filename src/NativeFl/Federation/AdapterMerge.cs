using NativeFl.Models;
using NativeFl.Tensors;

namespace NativeFl.Federation;

/// <summary>W ← W + s BᵀA in every module of an adapter, with the price of storing the result.</summary>
public static class AdapterMerge
{
    /// <summary>Merges and measures.</summary>
    /// <param name="model">The base; it is changed, in its own type.</param>
    /// <param name="adapter">What is added.</param>
    /// <param name="storage">The type that the checkpoint will have.</param>
    /// <returns>
    /// rounding = ‖(W′ − W) − ΔW‖_F / ‖ΔW‖_F over the adapter's modules, W′ after storage as <paramref name="storage"/>, ΔW as the backend
    /// computes it alone; 0 for an adapter whose product is zero.
    /// </returns>
    public static double Into(Transformer model, AdapterWeights adapter, DType storage)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(adapter);
        double error = 0, norm = 0;
        foreach ((ModuleId module, LoraFactors factors) in adapter.Modules)
        {
            if (factors.Rank == 0) continue;
            (double moduleError, double moduleNorm) = Into(model.Backend, model.Weights.LinearOf(module), factors, storage);
            error += moduleError;
            norm += moduleNorm;
        }

        return error == 0 ? 0 : Math.Sqrt(error / norm);
    }

    /// <summary>The same for one matrix: ‖(W′ − W) − ΔW‖² and ‖ΔW‖².</summary>
    internal static (double Error, double Norm) Into(Backend backend, PackedMatrix w, LoraFactors factors, DType storage)
    {
        using var product = new DenseProduct(backend, w.Out, w.In, [factors]);
        float[] before = Read(backend, w);
        DenseProduct.Merge(backend, factors, w);
        float[] after = Read(backend, w);
        Store(after, storage);
        var delta = new float[product.BlockRows * w.In];
        double error = 0, norm = 0;
        for (int first = 0; first < w.Out; first += product.BlockRows)
        {
            int count = Math.Min(product.BlockRows, w.Out - first) * w.In;
            long start = (long)first * w.In;
            product.Rows(first, delta.AsSpan(0, count));
            for (int i = 0; i < count; i++)
            {
                double difference = (double)after[start + i] - before[start + i] - delta[i];
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

    /// <summary>What comes back from a file of the type.</summary>
    private static void Store(float[] values, DType storage)
    {
        if (storage == DType.F32) return;
        var bits = new ushort[values.Length];
        if (storage == DType.BF16)
        {
            FloatConversion.NarrowBF16(values, bits);
            FloatConversion.WidenBF16(bits, values);
        }
        else
        {
            FloatConversion.NarrowF16(values, bits);
            FloatConversion.WidenF16(bits, values);
        }
    }
}
