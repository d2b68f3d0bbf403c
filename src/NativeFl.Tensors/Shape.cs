namespace NativeFl.Tensors;

/// <summary>The extents of a row-major tensor of one to three dimensions; unused trailing extents are 1.</summary>
public readonly record struct Shape
{
    private readonly int _second;
    private readonly int _third;

    /// <summary>Makes a shape of one to three dimensions.</summary>
    public Shape(int first, int second = 1, int third = 1)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(first);
        ArgumentOutOfRangeException.ThrowIfNegative(second);
        ArgumentOutOfRangeException.ThrowIfNegative(third);
        Rows = first;
        _second = second;
        _third = third;
    }

    /// <summary>The first extent.</summary>
    public int Rows { get; }

    /// <summary>The number of elements of one row: the product of all extents after the first.</summary>
    public int Columns => checked(_second * _third);

    /// <summary>The number of elements.</summary>
    public long Count => (long)Rows * Columns;

    /// <inheritdoc/>
    public override string ToString() => _third != 1 ? $"({Rows}, {_second}, {_third})" : _second != 1 ? $"({Rows}, {_second})" : $"({Rows})";
}
