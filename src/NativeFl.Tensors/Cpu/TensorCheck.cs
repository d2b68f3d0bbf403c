using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;

namespace NativeFl.Tensors.Cpu;

/// <summary>What an op demands of its arguments before it touches memory. The messages name the argument, what was expected and what was got.</summary>
internal static class TensorCheck
{
    /// <summary>A tensor of <paramref name="rows"/> rows of <paramref name="columns"/> elements.</summary>
    public static void Is(
        TensorView tensor, DType dtype, int rows, int columns, [CallerArgumentExpression(nameof(tensor))] string name = "")
    {
        if (tensor.DType != dtype || tensor.Rows != rows || tensor.Columns != columns || (tensor.IsEmpty && tensor.Count != 0))
            Refuse(name, $"{dtype} ({rows}, {columns})", tensor);
    }

    /// <summary>A tensor of <paramref name="count"/> elements in any shape.</summary>
    public static void Holds(TensorView tensor, DType dtype, long count, [CallerArgumentExpression(nameof(tensor))] string name = "")
    {
        if (tensor.DType != dtype || tensor.Count != count || (tensor.IsEmpty && count != 0))
            Refuse(name, $"{count} elements of {dtype}", tensor);
    }

    /// <summary>Every index of <paramref name="indices"/> lies in 0 .. limit − 1.</summary>
    public static void Below(
        TensorView indices, int limit, [CallerArgumentExpression(nameof(indices))] string name = "")
    {
        ReadOnlySpan<int> values = indices.AsSpan<int>();
        for (int i = 0; i < values.Length; i++)
        {
            if ((uint)values[i] >= (uint)limit)
                throw new ArgumentException($"{name}[{i}]: expected 0 .. {limit - 1}, got {values[i]}", name);
        }
    }

    [DoesNotReturn]
    private static void Refuse(string name, string expected, TensorView got) =>
        throw new ArgumentException($"{name}: expected {expected}, got {(got.IsEmpty ? "nothing" : $"{got.DType} {got.Shape}")}", name);
}
