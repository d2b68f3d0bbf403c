using System.Runtime.InteropServices;

namespace NativeFl.Cuda.Interop;

/// <summary>NVRTC, the compiler of CUDA C++ at run time, as far as NativeFl uses it. Names and arguments are those of nvrtc.h.</summary>
internal static unsafe partial class Nvrtc
{
    private const string Library = NativeLibraries.Compiler;

    /// <summary>All of them: what a library must have.</summary>
    public static IReadOnlyList<string> Functions { get; } =
    [
        nameof(nvrtcVersion), nameof(nvrtcGetErrorString), nameof(nvrtcGetNumSupportedArchs), nameof(nvrtcGetSupportedArchs),
        nameof(nvrtcCreateProgram), nameof(nvrtcDestroyProgram), nameof(nvrtcCompileProgram), nameof(nvrtcGetProgramLogSize),
        nameof(nvrtcGetProgramLog), nameof(nvrtcGetCUBINSize), nameof(nvrtcGetCUBIN), nameof(nvrtcGetPTXSize), nameof(nvrtcGetPTX),
    ];

    [LibraryImport(Library)]
    public static partial int nvrtcVersion(int* major, int* minor);

    [LibraryImport(Library)]
    public static partial byte* nvrtcGetErrorString(int status);

    [LibraryImport(Library)]
    public static partial int nvrtcGetNumSupportedArchs(int* count);

    [LibraryImport(Library)]
    public static partial int nvrtcGetSupportedArchs(int* architectures);

    [LibraryImport(Library)]
    public static partial int nvrtcCreateProgram(nint* program, byte* source, byte* name, int headers, byte** headerTexts, byte** headerNames);

    [LibraryImport(Library)]
    public static partial int nvrtcDestroyProgram(nint* program);

    [LibraryImport(Library)]
    public static partial int nvrtcCompileProgram(nint program, int options, byte** texts);

    [LibraryImport(Library)]
    public static partial int nvrtcGetProgramLogSize(nint program, nuint* bytes);

    [LibraryImport(Library)]
    public static partial int nvrtcGetProgramLog(nint program, byte* text);

    [LibraryImport(Library)]
    public static partial int nvrtcGetCUBINSize(nint program, nuint* bytes);

    [LibraryImport(Library)]
    public static partial int nvrtcGetCUBIN(nint program, byte* image);

    [LibraryImport(Library)]
    public static partial int nvrtcGetPTXSize(nint program, nuint* bytes);

    [LibraryImport(Library)]
    public static partial int nvrtcGetPTX(nint program, byte* image);
}
