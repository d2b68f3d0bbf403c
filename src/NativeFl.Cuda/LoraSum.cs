using System.Runtime.InteropServices;

namespace NativeFl.Cuda;

/// <summary>A run of entries whose gradient lies in partial sums: the row of the first one, and how many there are, one after the other.</summary>
[StructLayout(LayoutKind.Sequential)]
internal readonly record struct LoraSum(int First, int Entries, int Partial, int Splits);
