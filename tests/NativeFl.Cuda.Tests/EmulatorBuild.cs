using System.Diagnostics;
using System.Diagnostics.CodeAnalysis;
using System.Security.Cryptography;
using System.Text;

namespace NativeFl.Cuda.Tests;

/// <summary>
/// The stand-in libraries of tests/emulator, built by CMake beside the tests; an up-to-date build takes a moment. The environment variable
/// NATIVEFL_EMULATOR names a folder that holds them ready.
/// </summary>
internal sealed record EmulatorBuild(string Folder, string KernelCacheFolder)
{
    /// <summary>Builds it, or says what is missing for that.</summary>
    /// <exception cref="InvalidOperationException">Everything is there, and it does not build.</exception>
    public static bool TryMake([NotNullWhen(true)] out EmulatorBuild? emulator, out string reason)
    {
        emulator = null;
        if (Environment.GetEnvironmentVariable("NATIVEFL_EMULATOR") is { Length: > 0 } ready)
        {
            reason = "";
            emulator = new EmulatorBuild(ready, "");
            return true;
        }
        string? source = FindSource();
        reason = !OperatingSystem.IsLinux() ? "it needs Linux"
            : source is null ? "tests/emulator is not here"
            : !Runs("cmake") ? "cmake is not installed"
            : !Runs("g++") ? "g++ is not installed"
            : "";
        if (source is null || reason.Length > 0) return false;
        string build = Path.Combine(AppContext.BaseDirectory, "emulator");
        Require("cmake", "-S", source, "-B", build);
        Require("cmake", "--build", build, "--parallel", $"{Environment.ProcessorCount}", "--target", "cuda", "nvrtc", "cublaslt");
        emulator = new EmulatorBuild(Path.Combine(build, "lib"), Path.Combine(AppContext.BaseDirectory, "kernel-cache", Fingerprint(source)));
        return true;
    }

    /// <summary>The folder tests/emulator, upwards from here, or null.</summary>
    public static string? FindSource()
    {
        for (DirectoryInfo? folder = new(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            string source = Path.Combine(folder.FullName, "tests", "emulator");
            if (File.Exists(Path.Combine(source, "CMakeLists.txt"))) return source;
        }
        return null;
    }

    /// <summary>Whether a program is installed.</summary>
    public static bool Runs(string program)
    {
        try
        {
            return Run(program, ["--version"]).ExitCode == 0;
        }
        catch (System.ComponentModel.Win32Exception)
        {
            return false;
        }
    }

    /// <summary>Runs a program, which must succeed, and gives back what it printed.</summary>
    /// <exception cref="InvalidOperationException">It failed; the message has what it printed.</exception>
    public static string Require(string program, params string[] arguments)
    {
        (int exitCode, string text) = Run(program, arguments);
        if (exitCode != 0) throw new InvalidOperationException($"{program} {string.Join(' ', arguments)}: exit code {exitCode}\n{text}");
        return text;
    }

    // What an older emulator compiled must not be loaded by a newer one.
    private static string Fingerprint(string source)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (string file in Directory.EnumerateFiles(source, "*", SearchOption.AllDirectories).Order(StringComparer.Ordinal))
        {
            hash.AppendData(Encoding.UTF8.GetBytes(Path.GetRelativePath(source, file)));
            hash.AppendData(File.ReadAllBytes(file));
        }
        return Convert.ToHexStringLower(hash.GetHashAndReset().AsSpan(0, 8));
    }

    private static (int ExitCode, string Text) Run(string program, IEnumerable<string> arguments)
    {
        using Process process = Process.Start(
            new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true, RedirectStandardError = true })!;
        Task<string> errors = process.StandardError.ReadToEndAsync();
        string text = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return (process.ExitCode, text + errors.Result);
    }
}
