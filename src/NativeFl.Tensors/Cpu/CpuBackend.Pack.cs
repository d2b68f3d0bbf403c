namespace NativeFl.Tensors.Cpu;

public sealed unsafe partial class CpuBackend
{
    /// <inheritdoc/>
    public override long PackedBytes(int outFeatures, int inFeatures, DType dtype) => (long)outFeatures * inFeatures * dtype.Size();

    /// <inheritdoc/>
    public override void Pack(TensorView rows, int firstRow, PackedMatrix destination)
    {
        Expect.Packed(nameof(destination), destination);
        Expect.Range(nameof(firstRow), firstRow, rows.Rows, destination.Out);
        Copy(rows, new TensorView(destination.Pointer, new Shape(destination.Out, destination.In), destination.DType).Slice(firstRow, rows.Rows));
    }

    /// <inheritdoc/>
    public override void Unpack(PackedMatrix source, int firstRow, TensorView rows)
    {
        Expect.Packed(nameof(source), source);
        Expect.Range(nameof(firstRow), firstRow, rows.Rows, source.Out);
        Copy(new TensorView(source.Pointer, new Shape(source.Out, source.In), source.DType).Slice(firstRow, rows.Rows), rows);
    }
}
