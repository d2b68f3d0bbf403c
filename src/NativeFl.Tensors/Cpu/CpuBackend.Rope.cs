using System.Runtime.Intrinsics;

namespace NativeFl.Tensors.Cpu;

public sealed unsafe partial class CpuBackend
{
    /// <inheritdoc/>
    /// <remarks>
    /// x'[j] = x[j] cos θ − x[j + D/2] sin θ,  x'[j + D/2] = x[j + D/2] cos θ + x[j] sin θ,  θ = position · frequency[j]
    /// (Su et al. 2021, arXiv:2104.09864, eq. 34, with the halves of Hugging Face's Llama instead of neighbours as pairs).
    /// Cost: reads and writes N · heads · D floats; the angles are computed once a row and shared by its heads.
    /// </remarks>
    public override void RopeForward(TensorView positions, TensorView frequencies, TensorView x) => Rotate(positions, frequencies, 1, x);

    /// <inheritdoc/>
    public override void RopeBackward(TensorView positions, TensorView frequencies, TensorView dx) => Rotate(positions, frequencies, -1, dx);

    private void Rotate(TensorView positions, TensorView frequencies, float direction, TensorView x)
    {
        int pairs = checked((int)frequencies.Count), rows = x.Rows, columns = x.Columns;
        TensorCheck.Holds(frequencies, DType.F32, pairs);
        TensorCheck.Holds(positions, DType.I32, rows);
        TensorCheck.Is(x, DType.F32, rows, columns);
        if (pairs == 0 || columns % (2 * pairs) != 0)
            throw new ArgumentException($"x: expected a multiple of {2 * pairs} columns, got {columns}", nameof(x));
        int* position = (int*)positions.Pointer;
        float* frequency = (float*)frequencies.Pointer, px = (float*)x.Pointer;
        ParallelFor(rows, RowsPerTask(columns), (first, end) =>
        {
            using var workspace = new Workspace(2 * pairs);
            float* cosine = workspace.Take(pairs), sine = workspace.Take(pairs);
            for (int n = first; n < end; n++)
            {
                if (n == first || position[n] != position[n - 1]) Angles(position[n], frequency, pairs, direction, cosine, sine);
                float* row = px + ((long)n * columns);
                for (int head = 0; head < columns; head += 2 * pairs) RotateHead(cosine, sine, pairs, row + head);
            }
        });
    }

    private static void Angles(int position, float* frequency, int pairs, float direction, float* cosine, float* sine)
    {
        Vector256<float> sign = Vector256.Create(direction);
        for (int j = 0; j < pairs; j += Lanes.Width)
        {
            Rotation.Of(position, Lanes.Load(frequency + j, pairs - j), out Vector256<float> c, out Vector256<float> s);
            Lanes.Store(c, cosine + j, pairs - j);
            Lanes.Store(sign * s, sine + j, pairs - j);
        }
    }

    private static void RotateHead(float* cosine, float* sine, int pairs, float* x)
    {
        for (int j = 0; j < pairs; j += Lanes.Width)
        {
            int left = pairs - j;
            Vector256<float> c = Lanes.Load(cosine + j, left), s = Lanes.Load(sine + j, left);
            Vector256<float> a = Lanes.Load(x + j, left), b = Lanes.Load(x + pairs + j, left);
            Lanes.Store(Vector256.FusedMultiplyAdd(a, c, -(b * s)), x + j, left);
            Lanes.Store(Vector256.FusedMultiplyAdd(b, c, a * s), x + pairs + j, left);
        }
    }
}
