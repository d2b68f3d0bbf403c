namespace NativeFl.Tests.Architecture;

/// <summary>The source tree that this test assembly was built from: the rules of CONTRIBUTING.md are checked on its files.</summary>
internal static class RepositoryTree
{
    private static readonly string[] Skipped = ["bin", "obj", "TestResults", "__pycache__"];

    /// <summary>The folder of NativeFl.sln, found upwards from the test assembly.</summary>
    public static string Root { get; } = FindRoot();

    /// <summary>Files under a folder of the tree, build output left out, as full paths in ordinal order.</summary>
    public static IReadOnlyList<string> Files(string folder, params string[] extensions)
    {
        string top = Path.Combine(Root, folder);
        return
        [
            .. Directory.EnumerateFiles(top, "*", SearchOption.AllDirectories)
                .Where(file => Array.IndexOf(extensions, Path.GetExtension(file)) >= 0 && !Path.GetRelativePath(top, file).Split('/', '\\').Any(Skipped.Contains))
                .Order(StringComparer.Ordinal),
        ];
    }

    /// <summary>Every hand-written text file of the product: sources, tests, benchmarks, scripts, documents.</summary>
    public static IReadOnlyList<string> TextFiles()
    {
        string[] extensions = [".cs", ".csproj", ".md", ".sh", ".py", ".json", ".html", ".cu", ".cuh"];
        string[] folders = [.. new[] { "src", "tests", "bench" }.Where(folder => Directory.Exists(Path.Combine(Root, folder)))];
        string[] rootFiles = Directory.GetFiles(Root);
        string pipeline = Path.Combine(Root, ".ci");
        string[] pipelineFiles = Directory.Exists(pipeline) ? Directory.GetFiles(pipeline) : [];
        return [.. rootFiles.Where(IsText), .. pipelineFiles, .. folders.SelectMany(folder => Files(folder, extensions))];
    }

    /// <summary>A path relative to the root, with forward slashes, for messages.</summary>
    public static string Relative(string file) => Path.GetRelativePath(Root, file).Replace('\\', '/');

    private static bool IsText(string file) => Path.GetExtension(file) is ".md" or ".props" or ".targets" or ".json" or ".sln" or ".editorconfig" or ".gitignore" or "";

    private static string FindRoot()
    {
        for (DirectoryInfo? folder = new(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            if (File.Exists(Path.Combine(folder.FullName, "NativeFl.sln"))) return folder.FullName;
        }

        throw new InvalidOperationException($"NativeFl.sln: expected it above {AppContext.BaseDirectory}");
    }
}
