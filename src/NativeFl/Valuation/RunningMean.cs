namespace NativeFl.Valuation;

/// <summary>A mean and its standard error, value by value (Welford 1962, doi:10.1080/00401706.1962.10490022).</summary>
internal struct RunningMean
{
    private double _mean, _squares;

    /// <summary>Values so far.</summary>
    public int Count { get; private set; }

    /// <summary>Their mean; NaN without one.</summary>
    public readonly double Mean => Count == 0 ? double.NaN : _mean;

    /// <summary>The standard error of the mean; null with fewer than two values.</summary>
    public readonly double? StandardError => Count < 2 ? null : Math.Sqrt(_squares / (Count - 1) / Count);

    /// <summary>Takes a value.</summary>
    public void Add(double value)
    {
        double delta = value - _mean;
        Count++;
        _mean += delta / Count;
        _squares += delta * (value - _mean);
    }
}
