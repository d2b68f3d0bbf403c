using System.Runtime.InteropServices;

namespace NativeFl.Cuda;

/// <summary>
/// What one block of kernels/lora.cu works on: token rows × a run of entries, where its partial sums begin (−1: it writes the result), and in
/// lora_shrink how many columns of x one block sums.
/// </summary>
[StructLayout(LayoutKind.Sequential)]
internal readonly record struct LoraTile(int Row, int Rows, int First, int Entries, int Partial, int Chunk = 0);
