using System.Numerics;
using NativeFl.Models;
using NativeFl.Tensors;

namespace NativeFl.Federation;

/// <summary>
/// How far what a method applies is from what it should: ‖ΔW − Σ_k p_k s_k B_kᵀ A_k‖_F / ‖Σ_k p_k s_k B_kᵀ A_k‖_F over all modules. ΔW is
/// what the backend makes of the applied factors in f32; the sum is taken in double from the clients' adapters, with weights
/// of its own, by code that the aggregation does not use. For a method that is not exact the figure is the size of its cross terms.
/// </summary>
public static class ExactnessCheck
{
    /// <summary>Measures, module by module and row block by row block, so that no dense ΔW of the model exists.</summary>
    /// <param name="backend">Who multiplies.</param>
    /// <param name="applied">Adapters whose products add up to ΔW, as in <see cref="Aggregation.Applied"/>.</param>
    /// <param name="clients">The clients with weights before normalisation.</param>
    /// <param name="renormalization">Over whom the weights of a module sum to one.</param>
    /// <param name="before">What the server held beside the base before: a module that nobody trained must still be that; null: nothing.</param>
    /// <returns>The relative error; 0 if both are zero, +∞ if only the sum is.</returns>
    public static double Measure(
        Backend backend, IReadOnlyList<AdapterWeights> applied, IReadOnlyList<ClientContribution> clients, Renormalization renormalization,
        AdapterWeights? before = null)
    {
        ArgumentNullException.ThrowIfNull(backend);
        ArgumentNullException.ThrowIfNull(applied);
        ArgumentNullException.ThrowIfNull(clients);
        ClientContribution[] counted = [.. clients.Where(c => c.Weight > 0).OrderBy(c => c.Id)];
        double total = counted.Sum(c => c.Weight), error = 0, norm = 0;
        var modules = new SortedSet<ModuleId>(applied.Concat(counted.Select(c => c.Adapter)).SelectMany(a => a.Modules.Keys));
        foreach (ModuleId module in modules)
        {
            LoraFactors[] parts = [.. applied.Select(a => a.Modules.GetValueOrDefault(module)).OfType<LoraFactors>()];
            ClientContribution[] trained = [.. counted.Where(c => c.Adapter.Modules.GetValueOrDefault(module) is { Rank: > 0 })];
            double sum = renormalization == Renormalization.Module ? trained.Sum(c => c.Weight) : total;
            (double Scale, LoraFactors Factors)[] terms = [.. trained.Select(c => Term(c, module, sum))];
            if (trained.Length == 0 && before?.Modules.GetValueOrDefault(module) is { } kept) terms = [(kept.Scaling, kept)];
            LoraFactors shape = parts.Concat(terms.Select(t => t.Factors)).First();
            using var product = new DenseProduct(backend, shape.OutFeatures, shape.InFeatures, parts);
            (double moduleError, double moduleNorm) = Compare(product, shape, terms);
            error += moduleError;
            norm += moduleNorm;
        }

        return error == 0 ? 0 : Math.Sqrt(error / norm);
    }

    private static (double Scale, LoraFactors Factors) Term(ClientContribution client, ModuleId module, double sum)
    {
        LoraFactors factors = client.Adapter.Modules[module];
        return (client.Weight / sum * factors.Scaling, factors);
    }

    private static (double Error, double Norm) Compare(DenseProduct product, LoraFactors shape, (double Scale, LoraFactors Factors)[] terms)
    {
        (int outFeatures, int inFeatures) = (shape.OutFeatures, shape.InFeatures);
        var block = new float[product.BlockRows * inFeatures];
        var errors = new double[outFeatures];
        var norms = new double[outFeatures];
        for (int first = 0; first < outFeatures; first += product.BlockRows)
        {
            int count = Math.Min(product.BlockRows, outFeatures - first), start = first;
            product.Rows(first, block.AsSpan(0, count * inFeatures));
            Parallel.For(0, count, () => new double[inFeatures], (row, _, sums) =>
            {
                Array.Clear(sums);
                SumRow(terms, start + row, sums);
                (errors[start + row], norms[start + row]) = Distance(block.AsSpan(row * inFeatures, inFeatures), sums);
                return sums;
            }, _ => { });
        }

        // Row sums are added in row order, so the figure does not depend on the number of threads.
        return (errors.Sum(), norms.Sum());
    }

    /// <summary>sums[i] += Σ_k scale_k Σ_j B_k[j, row] A_k[j, i].</summary>
    private static void SumRow((double Scale, LoraFactors Factors)[] terms, int row, double[] sums)
    {
        foreach ((double scale, LoraFactors factors) in terms)
        {
            for (int j = 0; j < factors.Rank; j++)
            {
                double coefficient = scale * factors.B[(j * factors.OutFeatures) + row];
                AddScaled(coefficient, factors.A.AsSpan(j * factors.InFeatures, factors.InFeatures), sums);
            }
        }
    }

    private static void AddScaled(double coefficient, ReadOnlySpan<float> values, Span<double> sums)
    {
        int i = 0, width = Vector<double>.Count;
        var scale = new Vector<double>(coefficient);
        for (; i + Vector<float>.Count <= values.Length; i += Vector<float>.Count)
        {
            Vector.Widen(new Vector<float>(values[i..]), out Vector<double> low, out Vector<double> high);
            (new Vector<double>(sums[i..]) + (scale * low)).CopyTo(sums[i..]);
            (new Vector<double>(sums[(i + width)..]) + (scale * high)).CopyTo(sums[(i + width)..]);
        }

        for (; i < values.Length; i++) sums[i] += coefficient * values[i];
    }

    private static (double Error, double Norm) Distance(ReadOnlySpan<float> values, ReadOnlySpan<double> reference)
    {
        double error = 0, norm = 0;
        for (int i = 0; i < values.Length; i++)
        {
            double difference = values[i] - reference[i];
            error += difference * difference;
            norm += reference[i] * reference[i];
        }

        return (error, norm);
    }
}
