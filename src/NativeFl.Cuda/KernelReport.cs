namespace NativeFl.Cuda;

/// <summary>What one kernel takes of the device, as the driver reports it.</summary>
/// <param name="File">The file under kernels/, without its ending.</param>
/// <param name="Entry">The entry point.</param>
/// <param name="Target">What it was compiled for, such as "sm_90", or "compute_80" where the driver finishes it.</param>
/// <param name="Origin">Where its machine code came from.</param>
/// <param name="Registers">Of a thread.</param>
/// <param name="SharedBytes">Static shared memory of a block.</param>
/// <param name="LocalBytes">Local memory of a thread: spilled registers and indexed arrays.</param>
public sealed record KernelReport(string File, string Entry, string Target, KernelOrigin Origin, int Registers, int SharedBytes, int LocalBytes);
