using System.Runtime.InteropServices;

namespace NativeFl.Cuda;

/// <summary>
/// What one block of kernels/lora.cu works on: token rows × a run of entries, and where its partial sums begin (−1: it writes the result).
/// </summary>
[StructLayout(LayoutKind.Sequential)]
internal readonly record struct LoraTile(int Row, int Rows, int First, int Entries, int Partial);
