namespace NativeFl.Tensors.Cpu;

public sealed unsafe partial class CpuBackend
{
    /// <inheritdoc/>
    public override void AddScaled(TensorView x, float alpha, TensorView y) => throw new NotSupportedException();
}
