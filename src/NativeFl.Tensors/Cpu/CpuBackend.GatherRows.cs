namespace NativeFl.Tensors.Cpu;

public sealed unsafe partial class CpuBackend
{
    /// <inheritdoc/>
    public override void GatherRows(TensorView x, TensorView rows, TensorView y) => throw new NotSupportedException();

    /// <inheritdoc/>
    public override void ScatterRows(TensorView x, TensorView rows, TensorView y) => throw new NotSupportedException();
}
