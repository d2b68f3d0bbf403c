namespace NativeFl.Tensors.Cpu;

public sealed unsafe partial class CpuBackend
{
    /// <inheritdoc/>
    public override long PackedBytes(int outFeatures, int inFeatures, DType dtype)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(outFeatures);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(inFeatures);
        Expect.Stored(nameof(dtype), dtype);
        return checked(_packed.Rows(outFeatures) * inFeatures * dtype.Size());
    }

    /// <inheritdoc/>
    public override void Pack(TensorView rows, int firstRow, PackedMatrix destination)
    {
        Expect.Packed(nameof(destination), destination);
        Expect.Stored(nameof(rows), rows.DType);
        TensorCheck.Is(rows, rows.DType, rows.Rows, destination.In);
        Expect.Range(nameof(firstRow), firstRow, rows.Rows, destination.Out);
        if (_packed.Width == 1) Copy(rows, RowMajor(destination).Slice(firstRow, rows.Rows));
        else ForPanels(firstRow, rows.Rows, (first, count) => _packed.Pack(rows, firstRow, first, count, destination));
    }

    /// <inheritdoc/>
    public override void Unpack(PackedMatrix source, int firstRow, TensorView rows)
    {
        Expect.Packed(nameof(source), source);
        Expect.Stored(nameof(rows), rows.DType);
        TensorCheck.Is(rows, rows.DType, rows.Rows, source.In);
        Expect.Range(nameof(firstRow), firstRow, rows.Rows, source.Out);
        if (_packed.Width == 1) Copy(RowMajor(source).Slice(firstRow, rows.Rows), rows);
        else if (rows.Rows == 1) _packed.UnpackRow(source, firstRow, rows);
        else ForPanels(firstRow, rows.Rows, (first, count) => _packed.Unpack(source, first, count, firstRow, rows));
    }

    private static TensorView RowMajor(PackedMatrix w) => new(w.Pointer, new Shape(w.Out, w.In), w.DType);

    /// <summary>Runs body(first row, rows) for each panel that rows firstRow .. firstRow + count of a packed matrix touch.</summary>
    private void ForPanels(int firstRow, int count, Action<int, int> body)
    {
        if (count == 0) return;
        int width = _packed.Width, firstPanel = firstRow / width, last = firstRow + count;
        ParallelFor(((last - 1) / width) - firstPanel + 1, 1, (start, _) =>
        {
            int first = Math.Max(firstRow, (firstPanel + start) * width);
            body(first, Math.Min(last, (firstPanel + start + 1) * width) - first);
        });
    }
}
