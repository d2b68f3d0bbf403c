namespace NativeFl.Benchmarks.Gpu;

/// <summary>Rows × columns of activations.</summary>
public sealed record RowShape(int Rows, int Columns)
{
    public double Elements => (double)Rows * Columns;

    /// <summary>As it is, or a few rows of it where there is no GPU.</summary>
    internal RowShape OrTiny => OpenedDevice.IsTiny ? new RowShape(Math.Max(1, Rows / 4096), Math.Min(Columns, 1024)) : this;

    public override string ToString() => $"{Rows} × {Columns}";
}
