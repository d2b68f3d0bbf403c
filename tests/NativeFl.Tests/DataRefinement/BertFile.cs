using System.Buffers.Binary;
using System.Text;
using System.Text.Json.Nodes;

namespace NativeFl.Tests.DataRefinement;

/// <summary>Other names in a safetensors file, its numbers untouched.</summary>
internal static class BertFile
{
    public static void Rename(string path, Func<string, string> rename)
    {
        byte[] bytes = File.ReadAllBytes(path);
        int length = (int)BinaryPrimitives.ReadInt64LittleEndian(bytes);
        JsonObject header = JsonNode.Parse(Encoding.UTF8.GetString(bytes, 8, length))!.AsObject();
        var renamed = new JsonObject(header.Select(e => KeyValuePair.Create(e.Key == "__metadata__" ? e.Key : rename(e.Key), e.Value?.DeepClone())));
        byte[] text = Encoding.UTF8.GetBytes(renamed.ToJsonString()), size = new byte[8];
        BinaryPrimitives.WriteInt64LittleEndian(size, text.Length);
        File.WriteAllBytes(path, [.. size, .. text, .. bytes.AsSpan(8 + length)]);
    }
}
