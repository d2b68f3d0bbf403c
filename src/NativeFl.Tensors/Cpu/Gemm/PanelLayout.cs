using System.Runtime.CompilerServices;

namespace NativeFl.Tensors.Cpu.Gemm;

/// <summary>
/// The packed layout of W (out, in): panels of <see cref="Width"/> output features, each (in, Width) row-major, the last one padded.
/// A width of 1 is plain row-major, which an external BLAS reads.
/// </summary>
internal sealed unsafe class PanelLayout(int width)
{
    /// <summary>Input features that are turned at a time: a tile of them stays in the first-level cache.</summary>
    private const int Chunk = 64;

    /// <summary>The widest panel.</summary>
    private const int MaxWidth = 32;

    /// <summary>Output features of a panel.</summary>
    public int Width { get; } = width;

    /// <summary>Output features with the padding.</summary>
    public long Rows(int outFeatures) => ((long)outFeatures + Width - 1) / Width * Width;

    /// <summary>Packs rows first .. first + count of W, all of one panel; row 0 of <paramref name="rows"/> is W's firstRow.</summary>
    [SkipLocalsInit]
    public void Pack(TensorView rows, int firstRow, int first, int count, PackedMatrix destination)
    {
        float* source = stackalloc float[MaxWidth * Chunk];
        float* turned = stackalloc float[(MaxWidth * Chunk) + Packing.Spill];
        for (int k = 0; k < destination.In; k += Chunk)
        {
            int depth = Math.Min(Chunk, destination.In - k);
            for (int row = 0; row < count; row++)
                Load(rows, ((long)(first - firstRow + row) * destination.In) + k, source + (row * Chunk), depth);
            Packing.Transpose(source, Chunk, count, depth, turned, count, 1);
            for (int i = 0; i < depth; i++) Store(turned + (i * count), destination, Offset(destination, first, k + i), count);
        }
    }

    /// <summary>Unpacks rows first .. first + count of W, all of one panel; row 0 of <paramref name="rows"/> is W's firstRow.</summary>
    [SkipLocalsInit]
    public void Unpack(PackedMatrix source, int first, int count, int firstRow, TensorView rows)
    {
        float* panel = stackalloc float[MaxWidth * Chunk];
        float* turned = stackalloc float[(MaxWidth * Chunk) + Packing.Spill];
        var target = new PackedMatrix(rows.Pointer, rows.Rows, source.In, rows.DType);
        for (int k = 0; k < source.In; k += Chunk)
        {
            int depth = Math.Min(Chunk, source.In - k);
            for (int i = 0; i < depth; i++) Load(View(source), Offset(source, first, k + i), panel + (i * count), count);
            Packing.Transpose(panel, count, depth, count, turned, depth, 1);
            for (int row = 0; row < count; row++)
                Store(turned + (row * depth), target, ((long)(first - firstRow + row) * source.In) + k, depth);
        }
    }

    /// <summary>Unpacks row <paramref name="row"/> of W into the only row of <paramref name="target"/>.</summary>
    public void UnpackRow(PackedMatrix source, int row, TensorView target)
    {
        long offset = Offset(source, row, 0);
        bool narrow = source.DType == DType.BF16;
        for (int k = 0; k < source.In; k++, offset += Width)
        {
            float value = narrow ? Bf16.Widen(((ushort*)source.Pointer)[offset]) : ((float*)source.Pointer)[offset];
            if (target.DType == DType.BF16) ((ushort*)target.Pointer)[k] = Bf16.Round(value);
            else ((float*)target.Pointer)[k] = value;
        }
    }

    /// <summary>Where W[row, column] lies, in elements.</summary>
    private long Offset(PackedMatrix w, int row, int column) =>
        ((long)(row / Width * Width) * w.In) + ((long)column * Width) + (row % Width);

    private static TensorView View(PackedMatrix w) => new(w.Pointer, new Shape(1), w.DType);

    private static void Load(TensorView source, long offset, float* target, int count)
    {
        if (source.DType == DType.BF16) Packing.Widen((ushort*)source.Pointer + offset, target, count);
        else new Span<float>((float*)source.Pointer + offset, count).CopyTo(new Span<float>(target, count));
    }

    private static void Store(float* source, PackedMatrix target, long offset, int count)
    {
        if (target.DType == DType.BF16) Packing.Round(source, (ushort*)target.Pointer + offset, count);
        else new Span<float>(source, count).CopyTo(new Span<float>((float*)target.Pointer + offset, count));
    }
}
