using System.Globalization;

namespace NativeFl.Cuda.Tests.Costs;

/// <summary>One op at one shape, and the kernels of it whose costs are checked.</summary>
/// <param name="Name">Of the test.</param>
/// <param name="Prepare">Makes the operands and gives back what is counted.</param>
/// <param name="Kernels">Entry points, each launched once, with what the letters of their formulas stand for: "N=24 C=256".</param>
internal sealed record CostCase(string Name, Func<CostTests, Action> Prepare, params (string Entry, string Values)[] Kernels)
{
    /// <summary>The letters' values; s is the bytes of an element of the entry's type, V the elements of 16 bytes, bf16 and f32 say which it is.</summary>
    public static Dictionary<string, double> Values(string entry, string values)
    {
        Dictionary<string, double> known = values.Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(pair => pair.Split('='))
            .ToDictionary(pair => pair[0], pair => double.Parse(pair[1], CultureInfo.InvariantCulture));
        bool isBf16 = entry.EndsWith("_bf16", StringComparison.Ordinal);
        (known["s"], known["V"], known["bf16"], known["f32"]) = isBf16 ? (2, 8, 1, 0) : (4, 4, 0, 1);
        return known;
    }

    /// <inheritdoc/>
    public override string ToString() => Name;
}
