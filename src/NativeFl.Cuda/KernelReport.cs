namespace NativeFl.Cuda;

/// <summary>What one kernel takes of the device, as the driver reports it, or where there is none the compiler.</summary>
/// <param name="File">The file under kernels/, without its ending.</param>
/// <param name="Entry">The entry point.</param>
/// <param name="Target">What it was compiled for, such as "sm_90", or "compute_80" where the driver finishes it.</param>
/// <param name="Origin">Where its machine code came from.</param>
/// <param name="Threads">The most threads of a block.</param>
/// <param name="Registers">Of a thread.</param>
/// <param name="StaticSharedBytes">Shared memory of a block that the kernel declares.</param>
/// <param name="DynamicSharedBytes">The most shared memory of a block that a launch adds.</param>
/// <param name="LocalBytes">Local memory of a thread: spilled registers and indexed arrays.</param>
/// <param name="SpillBytes">Bytes that a thread stores and loads for lack of registers; null where the driver, which does not tell them from arrays, has local memory.</param>
/// <param name="Occupancy">What a multiprocessor holds of it; null where the architecture's limits are not known.</param>
public sealed record KernelReport(
    string File, string Entry, string Target, KernelOrigin Origin, int Threads, int Registers, int StaticSharedBytes, int DynamicSharedBytes, int LocalBytes,
    int? SpillBytes, Occupancy? Occupancy);
