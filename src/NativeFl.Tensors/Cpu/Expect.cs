namespace NativeFl.Tensors.Cpu;

/// <summary>The checks at the head of an op: what a tensor should be, and what it is.</summary>
internal static class Expect
{
    /// <summary>A tensor that is there, of this type and of these rows and columns.</summary>
    public static void Tensor(string name, TensorView tensor, DType dtype, int rows, int columns)
    {
        if (tensor.IsEmpty && rows > 0 && columns > 0)
            throw new ArgumentException($"{name}: expected ({rows}, {columns}) {dtype}, got no tensor", name);
        if (tensor.DType != dtype || (!tensor.IsEmpty && (tensor.Rows != rows || tensor.Columns != columns)))
            throw new ArgumentException($"{name}: expected ({rows}, {columns}) {dtype}, got {tensor.Shape} {tensor.DType}", name);
    }

    /// <summary>A tensor of this many f32 elements, whatever its shape.</summary>
    public static void Vector(string name, TensorView tensor, int count)
    {
        if (tensor.DType != DType.F32 || tensor.Count != count)
            throw new ArgumentException($"{name}: expected ({count}) {DType.F32}, got {tensor.Shape} {tensor.DType}", name);
    }

    /// <summary>A matrix that is there, stored as f32 or bf16.</summary>
    public static void Packed(string name, PackedMatrix matrix)
    {
        if (matrix.IsEmpty) throw new ArgumentException($"{name}: expected a packed matrix, got none", name);
        Stored(name, matrix.DType);
    }

    /// <summary>A type that weights are stored in.</summary>
    public static void Stored(string name, DType dtype)
    {
        if (dtype is not (DType.F32 or DType.BF16)) throw new ArgumentException($"{name}: expected F32 or BF16, got {dtype}", name);
    }

    /// <summary>Groups whose rows, ranks and columns lie inside the tensors that they index.</summary>
    public static void Groups(ReadOnlySpan<LoraGroup> groups, int rows, int ranks, int columns)
    {
        foreach (LoraGroup group in groups)
        {
            Range("rows", group.RowStart, group.RowCount, rows);
            Range("ranks", group.RankStart, group.RankCount, ranks);
            Range("columns of s", group.Column, group.RankCount, columns);
        }
    }

    /// <summary>start ≥ 0, count ≥ 0, start + count ≤ limit.</summary>
    public static void Range(string what, int start, int count, int limit)
    {
        if (start < 0 || count < 0 || (long)start + count > limit)
            throw new ArgumentException($"{what}: expected a range inside 0..{limit}, got {start}..{(long)start + count}");
    }
}
