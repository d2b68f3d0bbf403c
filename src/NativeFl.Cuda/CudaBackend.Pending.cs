using NativeFl.Tensors;

namespace NativeFl.Cuda;

// Ops that have no kernel yet. A partial file that adds one takes its lines out of here.
public sealed unsafe partial class CudaBackend
{
    /// <inheritdoc/>
    public override void LinearForward(
        TensorView x, PackedMatrix w, TensorView bias, bool accumulate, TensorView y) =>
        throw new NotSupportedException("LinearForward: no CUDA kernel yet");

    /// <inheritdoc/>
    public override void LinearBackward(
        TensorView dy, PackedMatrix w, bool accumulate, TensorView dx) =>
        throw new NotSupportedException("LinearBackward: no CUDA kernel yet");

    /// <inheritdoc/>
    public override void MatMul(
        TensorView a, bool transposeA, TensorView b, bool transposeB, bool accumulate, TensorView c) =>
        throw new NotSupportedException("MatMul: no CUDA kernel yet");

    /// <inheritdoc/>
    public override void LoraForward(
        TensorView x, TensorView a, TensorView b, ReadOnlySpan<LoraGroup> groups, TensorView s, TensorView y) =>
        throw new NotSupportedException("LoraForward: no CUDA kernel yet");

    /// <inheritdoc/>
    public override void LoraBackward(
        TensorView dy, TensorView x, TensorView a, TensorView b, TensorView s, ReadOnlySpan<LoraGroup> groups, TensorView ds, TensorView da, TensorView db, TensorView dx) =>
        throw new NotSupportedException("LoraBackward: no CUDA kernel yet");

    /// <inheritdoc/>
    public override void LoraMerge(
        TensorView a, TensorView b, ReadOnlySpan<LoraGroup> groups, PackedMatrix w) =>
        throw new NotSupportedException("LoraMerge: no CUDA kernel yet");
}
