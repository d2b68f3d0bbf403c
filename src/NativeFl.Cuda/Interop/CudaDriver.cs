using System.Runtime.InteropServices;

namespace NativeFl.Cuda.Interop;

/// <summary>The CUDA driver API, as far as NativeFl uses it. Names and arguments are those of cuda.h; device addresses are nint.</summary>
internal static unsafe partial class CudaDriver
{
    private const string Library = NativeLibraries.Driver;

    /// <summary>All of them: what a library must have.</summary>
    public static IReadOnlyList<string> Functions { get; } =
    [
        nameof(cuInit), nameof(cuDriverGetVersion), nameof(cuGetErrorName), nameof(cuGetErrorString), nameof(cuDeviceGetCount),
        nameof(cuDeviceGet), nameof(cuDeviceGetName), nameof(cuDeviceGetAttribute), nameof(cuDeviceTotalMem_v2),
        nameof(cuDevicePrimaryCtxRetain), nameof(cuDevicePrimaryCtxRelease_v2), nameof(cuCtxSetCurrent), nameof(cuModuleLoadDataEx),
        nameof(cuModuleUnload), nameof(cuModuleGetFunction), nameof(cuFuncGetAttribute), nameof(cuFuncSetAttribute), nameof(cuLaunchKernel),
        nameof(cuMemGetInfo_v2), nameof(cuMemAlloc_v2), nameof(cuMemFree_v2), nameof(cuMemHostAlloc), nameof(cuMemFreeHost),
        nameof(cuMemcpyHtoDAsync_v2), nameof(cuMemcpyDtoHAsync_v2), nameof(cuMemcpyDtoDAsync_v2), nameof(cuMemsetD8Async),
        nameof(cuMemsetD16Async), nameof(cuMemsetD32Async), nameof(cuStreamCreate), nameof(cuStreamDestroy_v2), nameof(cuStreamSynchronize),
        nameof(cuStreamBeginCapture_v2), nameof(cuStreamEndCapture), nameof(cuEventCreate), nameof(cuEventRecord),
        nameof(cuEventSynchronize), nameof(cuEventDestroy_v2), nameof(cuGraphInstantiateWithFlags), nameof(cuGraphLaunch),
        nameof(cuGraphExecDestroy), nameof(cuGraphDestroy),
    ];

    [LibraryImport(Library)]
    public static partial int cuInit(uint flags);

    [LibraryImport(Library)]
    public static partial int cuDriverGetVersion(int* version);

    [LibraryImport(Library)]
    public static partial int cuGetErrorName(int status, byte** text);

    [LibraryImport(Library)]
    public static partial int cuGetErrorString(int status, byte** text);

    // ---- devices and contexts -----------------------------------------------------------------------------------------------------

    [LibraryImport(Library)]
    public static partial int cuDeviceGetCount(int* count);

    [LibraryImport(Library)]
    public static partial int cuDeviceGet(int* device, int index);

    [LibraryImport(Library)]
    public static partial int cuDeviceGetName(byte* name, int length, int device);

    [LibraryImport(Library)]
    public static partial int cuDeviceGetAttribute(int* value, int attribute, int device);

    [LibraryImport(Library)]
    public static partial int cuDeviceTotalMem_v2(nuint* bytes, int device);

    [LibraryImport(Library)]
    public static partial int cuDevicePrimaryCtxRetain(nint* context, int device);

    [LibraryImport(Library)]
    public static partial int cuDevicePrimaryCtxRelease_v2(int device);

    [LibraryImport(Library)]
    public static partial int cuCtxSetCurrent(nint context);

    // ---- modules and launches -----------------------------------------------------------------------------------------------------

    [LibraryImport(Library)]
    public static partial int cuModuleLoadDataEx(nint* module, byte* image, uint options, int* keys, void** values);

    [LibraryImport(Library)]
    public static partial int cuModuleUnload(nint module);

    [LibraryImport(Library)]
    public static partial int cuModuleGetFunction(nint* function, nint module, byte* name);

    [LibraryImport(Library)]
    public static partial int cuFuncGetAttribute(int* value, int attribute, nint function);

    [LibraryImport(Library)]
    public static partial int cuFuncSetAttribute(nint function, int attribute, int value);

    [LibraryImport(Library)]
    public static partial int cuLaunchKernel(
        nint function, uint gridX, uint gridY, uint gridZ, uint blockX, uint blockY, uint blockZ, uint sharedBytes, nint stream, void** parameters, void** extra);

    // ---- memory -------------------------------------------------------------------------------------------------------------------

    [LibraryImport(Library)]
    public static partial int cuMemGetInfo_v2(nuint* free, nuint* total);

    [LibraryImport(Library)]
    public static partial int cuMemAlloc_v2(nint* pointer, nuint bytes);

    [LibraryImport(Library)]
    public static partial int cuMemFree_v2(nint pointer);

    [LibraryImport(Library)]
    public static partial int cuMemHostAlloc(void** pointer, nuint bytes, uint flags);

    [LibraryImport(Library)]
    public static partial int cuMemFreeHost(nint pointer);

    [LibraryImport(Library)]
    public static partial int cuMemcpyHtoDAsync_v2(nint destination, void* source, nuint bytes, nint stream);

    [LibraryImport(Library)]
    public static partial int cuMemcpyDtoHAsync_v2(void* destination, nint source, nuint bytes, nint stream);

    [LibraryImport(Library)]
    public static partial int cuMemcpyDtoDAsync_v2(nint destination, nint source, nuint bytes, nint stream);

    [LibraryImport(Library)]
    public static partial int cuMemsetD8Async(nint destination, byte value, nuint count, nint stream);

    [LibraryImport(Library)]
    public static partial int cuMemsetD16Async(nint destination, ushort value, nuint count, nint stream);

    [LibraryImport(Library)]
    public static partial int cuMemsetD32Async(nint destination, uint value, nuint count, nint stream);

    // ---- streams, events and graphs -------------------------------------------------------------------------------------------------

    [LibraryImport(Library)]
    public static partial int cuStreamCreate(nint* stream, uint flags);

    [LibraryImport(Library)]
    public static partial int cuStreamDestroy_v2(nint stream);

    [LibraryImport(Library)]
    public static partial int cuStreamSynchronize(nint stream);

    [LibraryImport(Library)]
    public static partial int cuStreamBeginCapture_v2(nint stream, int mode);

    [LibraryImport(Library)]
    public static partial int cuStreamEndCapture(nint stream, nint* graph);

    [LibraryImport(Library)]
    public static partial int cuEventCreate(nint* handle, uint flags);

    [LibraryImport(Library)]
    public static partial int cuEventRecord(nint handle, nint stream);

    [LibraryImport(Library)]
    public static partial int cuEventSynchronize(nint handle);

    [LibraryImport(Library)]
    public static partial int cuEventDestroy_v2(nint handle);

    [LibraryImport(Library)]
    public static partial int cuGraphInstantiateWithFlags(nint* executable, nint graph, ulong flags);

    [LibraryImport(Library)]
    public static partial int cuGraphLaunch(nint executable, nint stream);

    [LibraryImport(Library)]
    public static partial int cuGraphExecDestroy(nint executable);

    [LibraryImport(Library)]
    public static partial int cuGraphDestroy(nint graph);
}
