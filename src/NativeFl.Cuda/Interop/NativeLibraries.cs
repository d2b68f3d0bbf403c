using System.Diagnostics;
using System.Diagnostics.CodeAnalysis;
using System.Reflection;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace NativeFl.Cuda.Interop;

/// <summary>
/// Under which file names the three libraries go. The newest known version comes first; a library that the process has already loaded
/// wins over all, which is how a folder given by the caller is honoured without state.
/// </summary>
internal static class NativeLibraries
{
    public const string Driver = "nativefl-cuda-driver", Compiler = "nativefl-nvrtc", Blas = "nativefl-cublaslt";

    /// <summary>File names of a library, in the order they are tried.</summary>
    public static IReadOnlyList<string> Names(string library) => (library, OperatingSystem.IsWindows()) switch
    {
        (Driver, false) => ["libcuda.so.1"],
        (Driver, true) => ["nvcuda.dll"],
        (Compiler, false) => ["libnvrtc.so.13", "libnvrtc.so.12", "libnvrtc.so.11.2"],
        (Compiler, true) => ["nvrtc64_130_0.dll", "nvrtc64_120_0.dll", "nvrtc64_112_0.dll"],
        (Blas, false) => ["libcublasLt.so.13", "libcublasLt.so.12", "libcublasLt.so.11"],
        (Blas, true) => ["cublasLt64_13.dll", "cublasLt64_12.dll", "cublasLt64_11.dll"],
        _ => [],
    };

    /// <summary>True if the library can be loaded.</summary>
    public static bool IsPresent(string library) => Resolve(library, typeof(NativeLibraries).Assembly, null) != 0;

    /// <summary>Why a library that is not <see cref="IsPresent"/> is not.</summary>
    public static string AbsentReason(string library)
    {
        IReadOnlyList<string> names = Names(library);
        return names.Count == 1 ? $"{names[0]} not found" : $"{names[0]} not found, nor {string.Join(", ", names.Skip(1))}";
    }

    /// <summary>Loads what a folder has of the three libraries, so that later calls find it loaded.</summary>
    public static void LoadFrom(string folder)
    {
        if (folder.Length == 0) return;
        // NVRTC opens its built-ins by bare name, which finds a loaded one.
        if (Directory.Exists(folder))
        {
            foreach (string builtins in Directory.EnumerateFiles(folder, "*nvrtc-builtins*").Order(StringComparer.Ordinal))
                NativeLibrary.TryLoad(builtins, out _);
        }
        foreach (string library in new[] { Driver, Compiler, Blas })
        {
            foreach (string name in Names(library))
            {
                string path = Path.GetFullPath(Path.Combine(folder, name));
                if (File.Exists(path) && NativeLibrary.TryLoad(path, out _)) break;
            }
        }
    }

    [ModuleInitializer]
    [SuppressMessage("Usage", "CA2255", Justification = "The one place where an assembly can say how its native libraries are found, once.")]
    internal static void Register() => NativeLibrary.SetDllImportResolver(typeof(NativeLibraries).Assembly, Resolve);

    private static nint Resolve(string library, Assembly assembly, DllImportSearchPath? path)
    {
        IReadOnlyList<string> names = Names(library);
        if (names.Count > 1 && LoadedPath(names) is { } loaded && NativeLibrary.TryLoad(loaded, out nint handle)) return handle;
        foreach (string name in names)
        {
            if (NativeLibrary.TryLoad(name, out handle)) return handle;
        }
        return 0;
    }

    private static string? LoadedPath(IReadOnlyList<string> names)
    {
        using Process process = Process.GetCurrentProcess();
        foreach (ProcessModule module in process.Modules)
        {
            if (module.FileName is { } file && names.Any(name => Path.GetFileName(file).StartsWith(name, StringComparison.OrdinalIgnoreCase))) return file;
        }
        return null;
    }
}
