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
    public override void ColumnSum(
        TensorView x, TensorView sums) =>
        throw new NotSupportedException("ColumnSum: no CUDA kernel yet");

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

    /// <inheritdoc/>
    public override void DropoutForward(
        TensorView x, ReadOnlySpan<DropoutRows> rows, int module, float rate, TensorView y) =>
        throw new NotSupportedException("DropoutForward: no CUDA kernel yet");

    /// <inheritdoc/>
    public override void DropoutBackward(
        TensorView dy, ReadOnlySpan<DropoutRows> rows, int module, float rate, TensorView dx) =>
        throw new NotSupportedException("DropoutBackward: no CUDA kernel yet");

    /// <inheritdoc/>
    public override void EmbeddingForward(
        PackedMatrix table, TensorView tokens, TensorView x) =>
        throw new NotSupportedException("EmbeddingForward: no CUDA kernel yet");

    /// <inheritdoc/>
    public override void EmbeddingBackward(
        TensorView dx, TensorView tokens, TensorView dTable) =>
        throw new NotSupportedException("EmbeddingBackward: no CUDA kernel yet");

    /// <inheritdoc/>
    public override void RmsNormForward(
        TensorView x, TensorView w, float epsilon, TensorView y, TensorView rstd) =>
        throw new NotSupportedException("RmsNormForward: no CUDA kernel yet");

    /// <inheritdoc/>
    public override void RmsNormBackward(
        TensorView dy, TensorView x, TensorView w, TensorView rstd, TensorView dx, TensorView dw) =>
        throw new NotSupportedException("RmsNormBackward: no CUDA kernel yet");

    /// <inheritdoc/>
    public override void RopeForward(
        TensorView positions, TensorView frequencies, TensorView x) =>
        throw new NotSupportedException("RopeForward: no CUDA kernel yet");

    /// <inheritdoc/>
    public override void RopeBackward(
        TensorView positions, TensorView frequencies, TensorView dx) =>
        throw new NotSupportedException("RopeBackward: no CUDA kernel yet");

    /// <inheritdoc/>
    public override void SwigluForward(
        TensorView gate, TensorView up, TensorView y) =>
        throw new NotSupportedException("SwigluForward: no CUDA kernel yet");

    /// <inheritdoc/>
    public override void SwigluBackward(
        TensorView dy, TensorView gate, TensorView up, TensorView dGate, TensorView dUp) =>
        throw new NotSupportedException("SwigluBackward: no CUDA kernel yet");

    /// <inheritdoc/>
    public override void CrossEntropy(
        TensorView labels, TensorView weights, bool withGradient, TensorView logits, TensorView losses) =>
        throw new NotSupportedException("CrossEntropy: no CUDA kernel yet");

    /// <inheritdoc/>
    public override void GatherRows(
        TensorView x, TensorView rows, TensorView y) =>
        throw new NotSupportedException("GatherRows: no CUDA kernel yet");

    /// <inheritdoc/>
    public override void ScatterRows(
        TensorView x, TensorView rows, TensorView y) =>
        throw new NotSupportedException("ScatterRows: no CUDA kernel yet");

    /// <inheritdoc/>
    public override void AddScaled(
        TensorView x, float alpha, TensorView y) =>
        throw new NotSupportedException("AddScaled: no CUDA kernel yet");

    /// <inheritdoc/>
    public override void GradNorm(
        TensorView gradients, ReadOnlySpan<ParameterRange> ranges, TensorView norms) =>
        throw new NotSupportedException("GradNorm: no CUDA kernel yet");

    /// <inheritdoc/>
    public override void AdamW(
        TensorView gradients, TensorView norms, ReadOnlySpan<ParameterRange> ranges, ReadOnlySpan<AdamWSegment> segments, TensorView parameters, TensorView firstMoments, TensorView secondMoments) =>
        throw new NotSupportedException("AdamW: no CUDA kernel yet");
}
