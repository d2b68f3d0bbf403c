namespace NativeFl.Tests.Reference;

/// <summary>y = x Wᵀ + bias and its gradients, in double.  x (n, inputs), w (outputs, inputs).</summary>
internal static class Linear
{
    public static double[] Forward(double[] x, double[] w, double[] bias, int n, int outputs, int inputs)
    {
        double[] y = new double[n * outputs];
        for (int i = 0; i < n; i++)
        {
            for (int o = 0; o < outputs; o++)
            {
                y[(i * outputs) + o] = bias[o];
                for (int k = 0; k < inputs; k++) y[(i * outputs) + o] += x[(i * inputs) + k] * w[(o * inputs) + k];
            }
        }
        return y;
    }

    /// <summary>dx = dy W.</summary>
    public static double[] Backward(double[] dy, double[] w, int n, int outputs, int inputs)
    {
        double[] dx = new double[n * inputs];
        for (int i = 0; i < n; i++)
        {
            for (int k = 0; k < inputs; k++)
            {
                for (int o = 0; o < outputs; o++) dx[(i * inputs) + k] += dy[(i * outputs) + o] * w[(o * inputs) + k];
            }
        }
        return dx;
    }

    /// <summary>dW = dyᵀ x.</summary>
    public static double[] WeightGradient(double[] dy, double[] x, int n, int outputs, int inputs)
    {
        double[] dw = new double[outputs * inputs];
        for (int o = 0; o < outputs; o++)
        {
            for (int k = 0; k < inputs; k++)
            {
                for (int i = 0; i < n; i++) dw[(o * inputs) + k] += dy[(i * outputs) + o] * x[(i * inputs) + k];
            }
        }
        return dw;
    }
}
