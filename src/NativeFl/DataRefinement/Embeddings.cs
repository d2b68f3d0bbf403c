using System.Globalization;
using NativeFl.Tensors;

namespace NativeFl.DataRefinement;

/// <summary>One vector a record: what says how alike two records are, by Euclidean distance.</summary>
public sealed class Embeddings
{
    private readonly float[] _values;

    /// <param name="values">(records, width), row-major.</param>
    /// <param name="width">Of a vector.</param>
    /// <exception cref="RunFailedException">A value is not finite.</exception>
    public Embeddings(float[] values, int width)
    {
        ArgumentNullException.ThrowIfNull(values);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(width);
        if (values.Length % width != 0) throw new ArgumentException($"{values.Length} numbers are no rows of {width}", nameof(values));
        int bad = Array.FindIndex(values, value => !float.IsFinite(value));
        if (bad >= 0) throw new RunFailedException(string.Create(CultureInfo.InvariantCulture, $"embedding: that of record {bad / width} is not finite"));
        (_values, Width) = (values, width);
    }

    /// <summary>Records.</summary>
    public int Count => _values.Length / Width;

    /// <summary>Numbers of a vector.</summary>
    public int Width { get; }

    /// <summary>(records, width), row-major.</summary>
    public ReadOnlySpan<float> Values => _values;

    /// <summary>Room for so many vectors.</summary>
    /// <exception cref="InvalidInputException">More than one array holds.</exception>
    internal static float[] Room(int records, int width) => (long)records * width <= Array.MaxLength
        ? new float[records * width]
        : throw new InvalidInputException(
            "--data", string.Create(CultureInfo.InvariantCulture, $"at most {Array.MaxLength / width} records, for embeddings of {width} numbers"),
            string.Create(CultureInfo.InvariantCulture, $"{records}"));

    /// <summary>The vector of a record.</summary>
    public ReadOnlySpan<float> this[int record] => _values.AsSpan(record * Width, Width);
}
