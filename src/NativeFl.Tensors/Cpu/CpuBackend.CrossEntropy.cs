using System.Runtime.Intrinsics;

namespace NativeFl.Tensors.Cpu;

public sealed unsafe partial class CpuBackend
{
    /// <summary>Exponentials that are summed in f32 before the sum goes on in double: 64 per lane.</summary>
    private const int CrossEntropySumBlock = 512;

    /// <summary>An exponential this small may have lost digits; the logarithm of a quotient by it would have lost them too.</summary>
    private const float Vanishing = 1e-30f;

    /// <inheritdoc/>
    /// <remarks>
    /// With e_v = exp(logit_v − max): loss = log(Σ e / e_label) = log(1 + Σ_{v ≠ label} e_v / e_label), and the gradient is
    /// weight · e_v / Σ e for v ≠ label and −weight · Σ_{v ≠ label} e_v / Σ e for the label. Keeping the label out of the sum
    /// keeps small losses and small gradients accurate. A row of weight 0 gets a gradient of exactly 0 whatever it holds.
    /// Cost: reads N V (the second and third time from cache), writes N V floats, N V exponentials.
    /// </remarks>
    public override void CrossEntropy(TensorView labels, TensorView weights, bool withGradient, TensorView logits, TensorView losses)
    {
        int rows = logits.Rows, vocabulary = logits.Columns;
        TensorCheck.Is(logits, DType.F32, rows, vocabulary);
        TensorCheck.Holds(labels, DType.I32, rows);
        TensorCheck.Holds(losses, DType.F32, rows);
        if (withGradient) TensorCheck.Holds(weights, DType.F32, rows);
        TensorCheck.Below(labels, vocabulary);
        int* label = (int*)labels.Pointer;
        float* weight = (float*)weights.Pointer, px = (float*)logits.Pointer, loss = (float*)losses.Pointer;
        ParallelFor(rows, RowsPerTask(vocabulary), (first, end) =>
        {
            for (int n = first; n < end; n++)
            {
                float* row = px + ((long)n * vocabulary);
                float own = row[label[n]], max = Maximum(row, vocabulary), ownTerm = Exponential.Of(own - max);
                row[label[n]] = float.NegativeInfinity;
                double others = SumOfExponentials(row, vocabulary, max, withGradient), sum = others + ownTerm;
                loss[n] = (float)(ownTerm > Vanishing ? Log1p(others / ownTerm) : Math.Log(sum) + ((double)max - own));
                if (!withGradient) row[label[n]] = own;
                else if (weight[n] == 0) new Span<float>(row, vocabulary).Clear();
                else
                {
                    Scale(row, vocabulary, (float)(weight[n] / sum));
                    row[label[n]] = (float)(-weight[n] * (others / sum));
                }
            }
        });
    }

    /// <summary>log(1 + x) for x ≥ 0 without losing small x (W. Kahan's formula).</summary>
    private static double Log1p(double x)
    {
        double y = 1 + x;
        return y == 1 ? x : double.IsFinite(y) ? Math.Log(y) * (x / (y - 1)) : y;
    }

    private static float Maximum(float* x, int count)
    {
        Vector256<float> max0 = Vector256.Create(float.NegativeInfinity), max1 = max0;
        int i = 0;
        for (; i <= count - (2 * Lanes.Width); i += 2 * Lanes.Width)
        {
            max0 = Vector256.MaxNative(max0, Vector256.Load(x + i));
            max1 = Vector256.MaxNative(max1, Vector256.Load(x + i + 8));
        }

        for (; i < count; i += Lanes.Width) max0 = Vector256.MaxNative(max0, Lanes.Load(x + i, count - i, float.NegativeInfinity));
        max0 = Vector256.MaxNative(max0, max1);
        float max = max0.GetElement(0);
        for (int lane = 1; lane < Lanes.Width; lane++) max = MathF.Max(max, max0.GetElement(lane));
        return max;
    }

    /// <summary>Σ exp(x − max), and x = exp(x − max) if those are to be kept.</summary>
    private static double SumOfExponentials(float* x, int count, float max, bool keep)
    {
        Vector256<float> shift = Vector256.Create(max);
        double sum = 0;
        for (int block = 0; block < count; block += CrossEntropySumBlock)
        {
            int end = Math.Min(count, block + CrossEntropySumBlock);
            Vector256<float> partial = default;
            for (int i = block; i < end; i += Lanes.Width)
            {
                Vector256<float> term = Exponential.NonPositive(Lanes.Load(x + i, end - i, float.NegativeInfinity) - shift);
                if (keep) Lanes.Store(term, x + i, end - i);
                partial += term;
            }

            sum += Vector256.Sum(partial);
        }

        return sum;
    }

    private static void Scale(float* x, int count, float factor)
    {
        Vector256<float> scale = Vector256.Create(factor);
        for (int i = 0; i < count; i += Lanes.Width) Lanes.Store(scale * Lanes.Load(x + i, count - i), x + i, count - i);
    }
}
