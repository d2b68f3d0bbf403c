using System.Numerics;
using System.Runtime.InteropServices;
using NativeFl.Cuda.Streams;
using NativeFl.Tensors;
using NativeFl.Tensors.Cpu;

namespace NativeFl.Cuda;

public sealed unsafe partial class CudaBackend
{
    private const int CrossEntropyMaxThreads = 1024, CrossEntropyLogitsPerThread = 16;

    /// <inheritdoc/>
    /// <remarks>The labels are on the device, so one outside the vocabulary is not refused: its loss and its gradient become NaN.</remarks>
    public override void CrossEntropy(TensorView labels, TensorView weights, bool withGradient, TensorView logits, TensorView losses) =>
        CrossEntropy("cross_entropy", labels, weights, withGradient, logits, losses, logits);

    /// <inheritdoc/>
    public override void CrossEntropy(TensorView labels, TensorView weights, TensorView logits, TensorView losses, TensorView gradient)
    {
        TensorCheck.Is(gradient, gradient.DType, logits.Rows, logits.Columns);
        Expect.Stored(nameof(gradient), gradient.DType);
        string entry = gradient.DType == DType.BF16 ? "cross_entropy_to_bf16" : "cross_entropy";
        CrossEntropy(entry, labels, weights, true, logits, losses, gradient);
    }

    private void CrossEntropy(
        string entry, TensorView labels, TensorView weights, bool withGradient, TensorView logits, TensorView losses, TensorView gradient)
    {
        int rows = logits.Rows, vocabulary = logits.Columns;
        TensorCheck.Is(logits, DType.F32, rows, vocabulary);
        TensorCheck.Holds(labels, DType.I32, rows);
        TensorCheck.Holds(losses, DType.F32, rows);
        if (withGradient) TensorCheck.Holds(weights, DType.F32, rows);
        int wanted = Math.Clamp(vocabulary / CrossEntropyLogitsPerThread, 32, CrossEntropyMaxThreads);
        var shape = new LaunchShape(rows, 1, 1, (int)BitOperations.RoundUpToPowerOf2((uint)wanted));
        var arguments = new CrossEntropyArguments(
            labels.Pointer, weights.Pointer, withGradient ? 1 : 0, vocabulary, logits.Pointer, losses.Pointer, gradient.Pointer);
        Launch("cross_entropy", entry, shape, arguments);
    }

    [StructLayout(LayoutKind.Sequential)]
    private readonly record struct CrossEntropyArguments(
        nint Labels, nint Weights, int WithGradient, int Vocabulary, nint Logits, nint Losses, nint Gradient);
}
