namespace NativeFl.Tensors.Cpu;

/// <summary>What the matrix ops demand beyond <see cref="TensorCheck"/>: packed matrices, storage types, ranges and groups.</summary>
internal static class Expect
{
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
