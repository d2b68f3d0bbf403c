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

    // What the first of several names belongs to; each name after it is of the CUDA before.
    private const int NewestCuda = 13;

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

    /// <summary>Why a library cannot be called, or nothing: it is not found, or it lacks one of these functions.</summary>
    public static string Obstacle(string library, IReadOnlyList<string> functions)
    {
        IReadOnlyList<string> names = Names(library);
        nint handle = Resolve(library, typeof(NativeLibraries).Assembly, null);
        if (handle == 0) return names.Count == 1 ? $"{names[0]} not found" : $"{names[0]} not found, nor {string.Join(", ", names.Skip(1))}";
        string? missing = functions.FirstOrDefault(function => !NativeLibrary.TryGetExport(handle, function, out _));
        return missing is null ? "" : $"{LoadedPath(names) ?? names[0]} has no {missing}: too old, or no such library";
    }

    /// <summary>
    /// Loads a library from a folder or, without one there, from the system's own places, so that later calls find it loaded. Of several
    /// versions the newest comes first that is not of a later CUDA than the driver serves, which need not take what a later one makes.
    /// </summary>
    public static void Load(string library, string folder, int driverVersion = int.MaxValue)
    {
        IReadOnlyList<string> names = Names(library);
        if (names.Count > 1 && LoadedPath(names) is not null) return;
        int later = Math.Clamp(NewestCuda - (driverVersion / 1000), 0, names.Count);
        IReadOnlyList<string> ordered = names.Count == 1 ? names : [.. names.Skip(later), .. names.Take(later)];
        if (library == Compiler) LoadBuiltins(folder);
        if (folder.Length > 0)
        {
            foreach (string path in ordered.Select(name => Path.GetFullPath(Path.Combine(folder, name))))
            {
                if (File.Exists(path) && NativeLibrary.TryLoad(path, out _)) return;
            }
        }
        foreach (string name in ordered)
        {
            if (NativeLibrary.TryLoad(name, out _)) return;
        }
    }

    // NVRTC opens its built-ins by bare name, which finds a loaded one.
    private static void LoadBuiltins(string folder)
    {
        if (!Directory.Exists(folder)) return;
        foreach (string builtins in Directory.EnumerateFiles(folder, "*nvrtc-builtins*").Order(StringComparer.Ordinal)) NativeLibrary.TryLoad(builtins, out _);
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
