namespace NativeFl.Tensors.Cpu;

public sealed unsafe partial class CpuBackend
{
    /// <inheritdoc/>
    public override void Copy(TensorView source, TensorView destination)
    {
        if (source.Count != destination.Count)
            throw new ArgumentException($"destination: expected {source.Count} elements, got {destination.Shape}", nameof(destination));
        if (source.DType == destination.DType)
        {
            Buffer.MemoryCopy((void*)source.Pointer, (void*)destination.Pointer, destination.Bytes, source.Bytes);
            return;
        }
        Expect.Stored(nameof(source), source.DType);
        Expect.Stored(nameof(destination), destination.DType);
        float* wide = (float*)(source.DType == DType.F32 ? source : destination).Pointer;
        ushort* narrow = (ushort*)(source.DType == DType.F32 ? destination : source).Pointer;
        bool widen = source.DType == DType.BF16;
        for (long i = 0; i < source.Count; i++)
        {
            if (widen) wide[i] = Bf16.Widen(narrow[i]);
            else narrow[i] = Bf16.Round(wide[i]);
        }
    }

    /// <inheritdoc/>
    public override void Fill(float value, TensorView destination)
    {
        Expect.Stored(nameof(destination), destination.DType);
        if (destination.DType == DType.F32) new Span<float>((void*)destination.Pointer, checked((int)destination.Count)).Fill(value);
        else new Span<ushort>((void*)destination.Pointer, checked((int)destination.Count)).Fill(Bf16.Round(value));
    }
}
