using System.Reflection;
using System.Runtime.InteropServices;
using System.Text.RegularExpressions;
using NativeFl.Cuda.Interop;

namespace NativeFl.Cuda.Tests;

/// <summary>
/// What is bound is what is looked for when a library is opened, so that no call later on meets one that is missing; the libraries that the
/// tests run on export it; and the emulator's C++ takes as many arguments of the same sizes, where a mistake on one side alone would show as a
/// wrong number, or not at all.
/// </summary>
internal sealed partial class BindingTests
{
    private static readonly TestCaseData[] Libraries =
    [
        new(typeof(CudaDriver), NativeLibraries.Driver, "driver"), new(typeof(Nvrtc), NativeLibraries.Compiler, "nvrtc"),
        new(typeof(CublasLt), NativeLibraries.Blas, "cublaslt"),
    ];

    [Test]
    public void Every_bound_function_is_looked_for()
    {
        Assert.Multiple(() =>
        {
            Assert.That(CudaDriver.Functions, Is.EquivalentTo(Functions(typeof(CudaDriver)).Select(function => function.Name)));
            Assert.That(Nvrtc.Functions, Is.EquivalentTo(Functions(typeof(Nvrtc)).Select(function => function.Name)));
            Assert.That(CublasLt.Functions, Is.EquivalentTo(Functions(typeof(CublasLt)).Select(function => function.Name)));
        });
    }

    [TestCaseSource(nameof(Libraries))]
    public void Every_function_is_exported(Type bindings, string library, string folder)
    {
        if (TestDevice.Options is null) Assert.Ignore(TestDevice.Description);
        MethodInfo[] functions = Functions(bindings);
        Assert.That(functions, Has.Length.GreaterThan(10), folder);
        nint handle = Load(library);
        Assert.That(functions.Select(function => function.Name).Where(name => !NativeLibrary.TryGetExport(handle, name, out _)), Is.Empty);
        Assert.That(NativeLibrary.TryGetExport(handle, functions[0].Name + "_v99", out _), Is.False, "a name that nobody exports");
        NativeLibrary.Free(handle);
    }

    [TestCaseSource(nameof(Libraries))]
    public void Every_function_takes_arguments_of_the_emulators_sizes(Type bindings, string library, string folder)
    {
        if (EmulatorBuild.FindSource() is not { } source) { Assert.Ignore("tests/emulator is not here"); return; }
        var signatures = new Dictionary<string, string>();
        foreach (string file in Directory.GetFiles(Path.Combine(source, folder), "*.cpp"))
        {
            foreach (Match match in Export().Matches(File.ReadAllText(file))) signatures[match.Groups["name"].Value] = Signature(match);
        }
        Assert.That(
            Functions(bindings).Select(function => $"{function.Name}: {Signature(function)}"),
            Is.EqualTo(Functions(bindings).Select(function => $"{function.Name}: {signatures.GetValueOrDefault(function.Name, "not in " + library)}")));
    }

    // Source-generated bindings of blittable arguments are DllImports of the same name.
    private static MethodInfo[] Functions(Type bindings) =>
        [.. bindings.GetMethods(BindingFlags.Public | BindingFlags.Static | BindingFlags.DeclaredOnly).Where(method => !method.IsSpecialName)];

    private static nint Load(string library)
    {
        foreach (string name in NativeLibraries.Names(library))
        {
            if (NativeLibrary.TryLoad(Path.Combine(TestDevice.Options!.LibraryFolder, name), out nint handle)) return handle;
        }
        Assert.Ignore($"none of {string.Join(", ", NativeLibraries.Names(library))} is installed");
        return 0;
    }

    // Bytes of the result and of each argument, such as "4(8, 4, 8)".
    private static string Signature(MethodInfo function) =>
        $"{Size(function.ReturnType)}({string.Join(", ", function.GetParameters().Select(parameter => Size(parameter.ParameterType)))})";

    private static string Signature(Match export)
    {
        string[] parameters = export.Groups["parameters"].Value.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries);
        return $"{Size(export.Groups["result"].Value)}({string.Join(", ", parameters.Select(Size))})";
    }

    private static int Size(Type type) => type.IsPointer ? nint.Size : Marshal.SizeOf(type);

    private static int Size(string parameter) => parameter.Contains('*', StringComparison.Ordinal) ? nint.Size : NotAPointer().Match(parameter).Value switch
    {
        "unsigned char" => 1,
        "unsigned short" => 2,
        "int" or "unsigned" => 4,
        "unsigned long long" or "Address" or "std::size_t" or "std::int64_t" or "std::uint64_t" => 8,
        _ => throw new InvalidOperationException($"{parameter}: a type that is not known here"),
    };

    [GeneratedRegex(@"_API (?<result>[\w:]+(?: char)?\*?) (?<name>(?:cu|nvrtc|cublasLt)[A-Z]\w+)\((?<parameters>[^()]*)\)")]
    private static partial Regex Export();

    [GeneratedRegex(@"^(?:unsigned (?:char|short|long long)|[\w:]+)")]
    private static partial Regex NotAPointer();
}
