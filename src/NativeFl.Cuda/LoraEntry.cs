using System.Runtime.InteropServices;

namespace NativeFl.Cuda;

/// <summary>One rank that takes part, as kernels/device/lora_tiles.cuh lays it out: row of A and B, column of S, s_k.</summary>
[StructLayout(LayoutKind.Sequential)]
internal readonly record struct LoraEntry(int Rank, int Column, float Scaling);
