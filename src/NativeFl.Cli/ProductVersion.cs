using System.Reflection;

namespace NativeFl.Cli;

/// <summary>The version of this build, with the commit where the build knew it.</summary>
internal static class ProductVersion
{
    /// <summary>Such as "0.1.0+4f2c…".</summary>
    public static string Text { get; } =
        typeof(ProductVersion).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion ?? "unknown";
}
