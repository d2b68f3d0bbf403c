using System.Buffers.Binary;
using System.Text;
using System.Text.Json.Nodes;
using NativeFl.Tests.Models;

namespace NativeFl.Tests.Cli;

/// <summary>Copies of valid model and adapter folders, to break something in.</summary>
internal static class BrokenFolders
{
    /// <summary>Copies the files of a folder, not those of folders in it.</summary>
    public static string Copy(string from, string to)
    {
        Directory.CreateDirectory(to);
        foreach (string file in Directory.GetFiles(from)) File.Copy(file, Path.Combine(to, Path.GetFileName(file)));
        return to;
    }

    /// <summary>Replaces a text that must be in the file.</summary>
    public static void Edit(string path, string old, string text)
    {
        string before = File.ReadAllText(path);
        Assert.That(before, Does.Contain(old), path);
        File.WriteAllText(path, before.Replace(old, text, StringComparison.Ordinal));
    }

    /// <summary>Changes a JSON file.</summary>
    public static void EditJson(string path, Action<JsonObject> change)
    {
        JsonObject json = JsonNode.Parse(File.ReadAllText(path))!.AsObject();
        change(json);
        File.WriteAllText(path, json.ToJsonString());
    }

    /// <summary>Replaces text in the header of a safetensors file; the header's length follows, the data stay.</summary>
    public static void EditHeader(string path, params ReadOnlySpan<(string Old, string New)> changes)
    {
        (string header, byte[] data) = Split(path);
        foreach ((string old, string text) in changes)
        {
            Assert.That(header, Does.Contain(old), path);
            header = header.Replace(old, text, StringComparison.Ordinal);
        }

        File.WriteAllBytes(path, RawSafetensors.File(Encoding.UTF8.GetBytes(header), data));
    }

    /// <summary>Replaces one f32 of the data of a safetensors file, counted from its first or (below zero) its last value.</summary>
    public static void EditValue(string path, int index, float value)
    {
        byte[] bytes = File.ReadAllBytes(path);
        int at = index >= 0 ? DataStart(bytes) + (4 * index) : bytes.Length + (4 * index);
        BinaryPrimitives.WriteSingleLittleEndian(bytes.AsSpan(at), value);
        File.WriteAllBytes(path, bytes);
    }

    /// <summary>Replaces the bytes of a file.</summary>
    public static void EditBytes(string path, Func<byte[], byte[]> change) => File.WriteAllBytes(path, change(File.ReadAllBytes(path)));

    private static (string Header, byte[] Data) Split(string path)
    {
        byte[] bytes = File.ReadAllBytes(path);
        int start = DataStart(bytes);
        return (Encoding.UTF8.GetString(bytes, 8, start - 8), bytes[start..]);
    }

    private static int DataStart(byte[] bytes) => checked(8 + (int)BinaryPrimitives.ReadUInt64LittleEndian(bytes));
}
