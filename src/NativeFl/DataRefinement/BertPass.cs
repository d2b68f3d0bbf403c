using NativeFl.Tensors;

namespace NativeFl.DataRefinement;

/// <summary>Room on the backend for the products of one batch.</summary>
internal sealed class BertPass : IDisposable
{
    private readonly Backend _backend;
    private readonly int _rows;
    private readonly Slot _input, _output;
    private readonly Arena _arena;

    public BertPass(Backend backend, int rows, int widest)
    {
        var plan = new MemoryPlan("sentence embedder activations");
        (_backend, _rows) = (backend, rows);
        (_input, _output) = (plan.Add("input", new Shape(rows, widest)), plan.Add("output", new Shape(rows, widest)));
        _arena = new Arena(backend, plan);
    }

    /// <summary>x Wᵀ + b of (N, in) numbers on the host.</summary>
    public float[] Linear(float[] x, BertLinear linear)
    {
        TensorView input = Room(_input, linear.Weight.In), output = Room(_output, linear.Weight.Out);
        _backend.Upload<float>(x, input);
        _backend.LinearForward(input, linear.Weight, linear.Bias, false, output);
        var y = new float[output.Count];
        _backend.Download<float>(output, y);
        return y;
    }

    public void Dispose() => _arena.Dispose();

    private TensorView Room(Slot slot, int columns) => new(_arena[slot].Pointer, new Shape(_rows, columns), DType.F32);
}
