using System.Globalization;
using NativeFl.Tensors;

namespace NativeFl.Federation;

/// <summary>p_k = n_k / Σ n_j.</summary>
public static class ClientWeights
{
    /// <summary>Divides by the sum.</summary>
    /// <param name="weights">Finite, not negative, not all zero.</param>
    /// <param name="input">The flag or file to name when they are not.</param>
    /// <returns>Weights that sum to one.</returns>
    public static double[] Normalise(IReadOnlyList<double> weights, string input)
    {
        double sum = 0;
        for (int k = 0; k < weights.Count; k++)
        {
            if (!double.IsFinite(weights[k]) || weights[k] < 0)
            {
                string got = weights[k].ToString(CultureInfo.InvariantCulture);
                throw new InvalidInputException(input, "weights that are finite and not negative", $"{got} for client {k}");
            }

            sum += weights[k];
        }

        if (sum == 0) throw new InvalidInputException(input, "at least one weight above zero", "all zero");
        if (!double.IsFinite(sum)) throw new InvalidInputException(input, "weights with a finite sum", "an infinite sum");
        return [.. weights.Select(w => w / sum)];
    }
}
