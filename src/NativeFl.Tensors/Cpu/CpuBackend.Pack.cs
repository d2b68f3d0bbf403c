namespace NativeFl.Tensors.Cpu;

public sealed unsafe partial class CpuBackend
{
    /// <inheritdoc/>
    public override long PackedBytes(int outFeatures, int inFeatures, DType dtype) => throw new NotSupportedException();

    /// <inheritdoc/>
    public override void Pack(TensorView rows, int firstRow, PackedMatrix destination) => throw new NotSupportedException();

    /// <inheritdoc/>
    public override void Unpack(PackedMatrix source, int firstRow, TensorView rows) => throw new NotSupportedException();
}
