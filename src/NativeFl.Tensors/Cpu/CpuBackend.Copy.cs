namespace NativeFl.Tensors.Cpu;

public sealed unsafe partial class CpuBackend
{
    /// <inheritdoc/>
    public override void Copy(TensorView source, TensorView destination) => throw new NotSupportedException();

    /// <inheritdoc/>
    public override void Fill(float value, TensorView destination) => throw new NotSupportedException();
}
