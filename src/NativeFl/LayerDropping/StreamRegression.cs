using System.Numerics.Tensors;
using NativeFl.Tensors;

namespace NativeFl.LayerDropping;

/// <summary>
/// min over D of Σ_t ‖D m_t − e_t‖² + λ ‖D‖²_F by its normal equations D (G + λI) = H with G = Σ m mᵀ and H = Σ e mᵀ, both (C, C): in double,
/// over tokens in order, in the memory of three C × C matrices and one batch. λ is a multiple of the mean eigenvalue of G, tr(G) / C, so that it
/// means the same whatever the scale of m.
/// </summary>
internal sealed class StreamRegression(int width)
{
    private readonly double[] _gram = new double[checked(width * width)];
    private readonly double[] _cross = new double[width * width];
    private double _errors, _targets;

    /// <summary>√(Σ ‖e‖² / Σ ‖z‖²).</summary>
    public double ErrorBefore => Relative(_errors);

    /// <summary>The same of D m − e, once it is solved.</summary>
    public double ErrorAfter { get; private set; }

    /// <summary>Adds tokens: e = z − y − m.</summary>
    /// <param name="m">What the carrier adds, (n, C).</param>
    /// <param name="y">The stream that it adds it to, (n, C).</param>
    /// <param name="z">What the stream should be behind it, in two parts whose sum it is, (n, C) each.</param>
    public void Add(float[] m, float[] y, (float[] Stream, float[] Added) z)
    {
        var outputs = new double[m.Length];
        var errors = new double[m.Length];
        for (int i = 0; i < m.Length; i++)
        {
            double target = (double)z.Stream[i] + z.Added[i];
            outputs[i] = m[i];
            errors[i] = target - y[i] - m[i];
            _errors += errors[i] * errors[i];
            _targets += target * target;
        }

        int count = m.Length / width;
        TransposedProduct.Add(outputs, outputs, count, width, width, _gram, upper: true);
        TransposedProduct.Add(errors, outputs, count, width, width, _cross);
    }

    /// <summary>Dᵀ, row-major. The sums are used up.</summary>
    /// <param name="ridge">λ in units of the mean eigenvalue of G.</param>
    /// <param name="what">What is fitted, for errors.</param>
    /// <exception cref="RunFailedException">The tokens do not determine D, or are not finite.</exception>
    public double[] Solve(double ridge, string what)
    {
        double trace = 0;
        for (int i = 0; i < width; i++)
        {
            trace += _gram[(i * width) + i];
            for (int j = 0; j < i; j++) _gram[(i * width) + j] = _gram[(j * width) + i];
        }

        if (!double.IsFinite(trace) || !double.IsFinite(_errors)) throw new RunFailedException($"{what}: the residual stream is not finite");
        double lambda = ridge * trace / width;
        for (int i = 0; i < width; i++) _gram[(i * width) + i] += lambda;
        var factors = new Cholesky(_gram, width);
        if (factors.BadPivot is { } pivot)
        {
            throw new RunFailedException(
                FormattableString.Invariant($"{what}: the tokens do not determine a linear patch (pivot {pivot} of {width} is not positive); more data, or a larger ridge"));
        }

        var solution = (double[])_cross.Clone();
        factors.Solve(solution, width);

        // With the normal equations in it, Σ ‖D m − e‖² = Σ ‖e‖² − ⟨D, H⟩ − λ ‖D‖².
        double left = _errors - TensorPrimitives.Dot<double>(solution, _cross) - (lambda * TensorPrimitives.SumOfSquares<double>(solution));
        ErrorAfter = Relative(Math.Max(left, 0));
        return Transposed(solution);
    }

    private double Relative(double squares) => _targets == 0 ? 0 : Math.Sqrt(squares / _targets);

    private double[] Transposed(double[] matrix)
    {
        var result = new double[matrix.Length];
        for (int i = 0; i < width; i++)
        {
            for (int j = 0; j < width; j++) result[(j * width) + i] = matrix[(i * width) + j];
        }

        return result;
    }
}
