using System.CodeDom.Compiler;
using System.Reflection;
using System.Runtime.CompilerServices;
using NativeFl.Cuda;
using NativeFl.Models;
using NativeFl.Tensors;

namespace NativeFl.Tests.Architecture;

/// <summary>The compiled product.</summary>
internal static class ProductAssemblies
{
    public static IReadOnlyList<Assembly> All { get; } = [typeof(Backend).Assembly, typeof(CudaBackend).Assembly, typeof(ModelConfig).Assembly, Assembly.Load("NativeFl.Cli")];

    /// <summary>True for what a compiler or a source generator wrote, closures and nested types of such included.</summary>
    public static bool IsGenerated(Type type)
    {
        for (Type? outer = type; outer is not null; outer = outer.DeclaringType)
        {
            bool isMarked = outer.IsDefined(typeof(CompilerGeneratedAttribute), inherit: false) || outer.IsDefined(typeof(GeneratedCodeAttribute), inherit: false);
            if (isMarked || outer.Name.StartsWith('<')) return true;
        }

        return false;
    }
}
