using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace NativeFl.Tensors.Cpu;

public sealed unsafe partial class CpuBackend
{
    /// <inheritdoc/>
    /// <remarks>
    /// y = g σ(g) u with σ(g) = 1 / (1 + e^(−g)) (Shazeer 2020, arXiv:2002.05202, eq. 6 with β = 1).
    /// Cost: reads 2 N, writes N floats; bound by memory.
    /// </remarks>
    public override void SwigluForward(TensorView gate, TensorView up, TensorView y)
    {
        TensorCheck.Is(gate, DType.F32, y.Rows, y.Columns);
        TensorCheck.Is(up, DType.F32, y.Rows, y.Columns);
        TensorCheck.Is(y, DType.F32, y.Rows, y.Columns);
        float* pg = (float*)gate.Pointer, pu = (float*)up.Pointer, py = (float*)y.Pointer;
        ForElements(y.Count, (start, count) =>
        {
            for (long i = start, left = count; left > 0; i += Lanes.Width, left -= Lanes.Width)
            {
                Vector256<float> g = Lanes.Load(pg + i, left);
                Lanes.Store(g * Sigmoid(g) * Lanes.Load(pu + i, left), py + i, left);
            }
        });
    }

    /// <inheritdoc/>
    /// <remarks>
    /// dUp = dy g σ;  dGate = dy u (σ + g σ (1 − σ)) = dy u σ (1 + g (1 − σ)). Every element is read before it is written, which is
    /// what allows the aliases. Cost: reads 3 N, writes 2 N floats; bound by memory.
    /// </remarks>
    public override void SwigluBackward(TensorView dy, TensorView gate, TensorView up, TensorView dGate, TensorView dUp)
    {
        TensorCheck.Is(gate, DType.F32, dy.Rows, dy.Columns);
        TensorCheck.Is(up, DType.F32, dy.Rows, dy.Columns);
        TensorCheck.Is(dGate, DType.F32, dy.Rows, dy.Columns);
        TensorCheck.Is(dUp, DType.F32, dy.Rows, dy.Columns);
        TensorCheck.Is(dy, DType.F32, dy.Rows, dy.Columns);
        float* pdy = (float*)dy.Pointer, pg = (float*)gate.Pointer, pu = (float*)up.Pointer;
        float* pdg = (float*)dGate.Pointer, pdu = (float*)dUp.Pointer;
        ForElements(dy.Count, (start, count) =>
        {
            for (long i = start, left = count; left > 0; i += Lanes.Width, left -= Lanes.Width)
            {
                Vector256<float> g = Lanes.Load(pg + i, left), u = Lanes.Load(pu + i, left), d = Lanes.Load(pdy + i, left);
                Vector256<float> sigmoid = Sigmoid(g);
                Vector256<float> slope = sigmoid * Vector256.FusedMultiplyAdd(g, Vector256<float>.One - sigmoid, Vector256<float>.One);
                Lanes.Store(d * u * slope, pdg + i, left);
                Lanes.Store(d * g * sigmoid, pdu + i, left);
            }
        });
    }

    /// <summary>1 / (1 + e^(−x)); 0 where e^(−x) overflows, which is its limit.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<float> Sigmoid(Vector256<float> x) =>
        Vector256<float>.One / (Vector256<float>.One + Exponential.Of(-x));
}
