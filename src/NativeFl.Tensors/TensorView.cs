using System.Runtime.CompilerServices;

namespace NativeFl.Tensors;

/// <summary>
/// A borrowed, contiguous, row-major block of elements: pointer, shape and dtype. It owns nothing; the <see cref="Arena"/> that
/// it was cut from must outlive it. The pointer is the backend's own (host memory for the CPU, device memory for CUDA).
/// </summary>
public readonly unsafe struct TensorView
{
    /// <summary>Describes the memory at <paramref name="pointer"/>.</summary>
    public TensorView(nint pointer, Shape shape, DType dtype)
    {
        Pointer = pointer;
        Shape = shape;
        DType = dtype;
    }

    /// <summary>The address of the first element.</summary>
    public nint Pointer { get; }

    /// <summary>The extents.</summary>
    public Shape Shape { get; }

    /// <summary>The element type.</summary>
    public DType DType { get; }

    /// <summary>True for <c>default</c>: an optional tensor that is not there.</summary>
    public bool IsEmpty => Pointer == 0;

    /// <summary>The first extent.</summary>
    public int Rows => Shape.Rows;

    /// <summary>Elements of a row.</summary>
    public int Columns => Shape.Columns;

    /// <summary>The number of elements.</summary>
    public long Count => Shape.Count;

    /// <summary>The number of bytes.</summary>
    public long Bytes => Shape.Count * DType.Size();

    /// <summary>Rows <paramref name="first"/> to <paramref name="first"/> + <paramref name="count"/>, not copied.</summary>
    public TensorView Slice(int first, int count)
    {
        if (first < 0 || count < 0 || (long)first + count > Rows)
            throw new ArgumentOutOfRangeException(nameof(first), $"rows {first}..{(long)first + count} of a tensor {Shape}");
        return new TensorView(Pointer + (nint)((long)first * Columns * DType.Size()), new Shape(count, Columns), DType);
    }

    /// <summary>The same elements under another shape of equal count.</summary>
    public TensorView Reshape(int rows, int columns)
    {
        var shape = new Shape(rows, columns);
        if (shape.Count != Count) throw new ArgumentException($"a tensor {Shape} cannot become {shape}", nameof(rows));
        return new TensorView(Pointer, shape, DType);
    }

    /// <summary>The elements as a span; only for memory that the host can read.</summary>
    /// <typeparam name="T">float for f32, int for i32, ushort for bf16 and f16.</typeparam>
    public Span<T> AsSpan<T>()
        where T : unmanaged
    {
        if (Unsafe.SizeOf<T>() != DType.Size()) throw new ArgumentException($"a {typeof(T).Name} span over {DType} elements", nameof(T));
        return new Span<T>((void*)Pointer, checked((int)Count));
    }
}
