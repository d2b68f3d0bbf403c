using System.Text;
using NativeFl.Data;

namespace NativeFl.Tests.Data;

/// <summary>Data files for tests; they live until the test ends.</summary>
internal sealed class DataFiles : IDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("data");

    public string Write(string name, string text) => Write(name, Encoding.UTF8.GetBytes(text));

    public string Write(string name, byte[] bytes)
    {
        string path = Path.Combine(_folder.FullName, name);
        File.WriteAllBytes(path, bytes);
        return path;
    }

    /// <summary>The records of one file.</summary>
    public static IReadOnlyList<DataRecord> Records(string text)
    {
        using var files = new DataFiles();
        return RecordReader.Read([files.Write("data.jsonl", text)]);
    }

    public void Dispose() => _folder.Delete(true);
}
