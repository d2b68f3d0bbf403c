namespace NativeFl.Tensors.Cpu;

public sealed unsafe partial class CpuBackend
{
    /// <inheritdoc/>
    public override void LinearForward(TensorView x, PackedMatrix w, TensorView bias, bool accumulate, TensorView y)
    {
        Expect.Packed(nameof(w), w);
        Expect.Tensor(nameof(x), x, DType.F32, x.Rows, w.In);
        Expect.Tensor(nameof(y), y, DType.F32, x.Rows, w.Out);
        using DeviceMemory wide = Widened(w, out TensorView rows);
        MatMul(x, false, rows, true, accumulate, y);
        for (int n = 0; n < y.Rows && !bias.IsEmpty; n++)
        {
            for (int o = 0; o < w.Out; o++) ((float*)y.Pointer)[((long)n * w.Out) + o] += ((float*)bias.Pointer)[o];
        }
    }

    /// <inheritdoc/>
    public override void LinearBackward(TensorView dy, PackedMatrix w, bool accumulate, TensorView dx)
    {
        Expect.Packed(nameof(w), w);
        Expect.Tensor(nameof(dy), dy, DType.F32, dy.Rows, w.Out);
        Expect.Tensor(nameof(dx), dx, DType.F32, dy.Rows, w.In);
        using DeviceMemory wide = Widened(w, out TensorView rows);
        MatMul(dy, false, rows, false, accumulate, dx);
    }

    private DeviceMemory Widened(PackedMatrix w, out TensorView rows)
    {
        DeviceMemory memory = Allocate((long)w.Out * w.In * sizeof(float));
        rows = new TensorView(memory.Pointer, new Shape(w.Out, w.In), DType.F32);
        Unpack(w, 0, rows);
        return memory;
    }
}
