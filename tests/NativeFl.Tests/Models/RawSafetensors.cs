using System.Buffers.Binary;
using System.Text;

namespace NativeFl.Tests.Models;

/// <summary>Safetensors files put together by hand, right or wrong.</summary>
internal static class RawSafetensors
{
    /// <summary>Two tensors that tile 20 bytes: what the bad files are variations of.</summary>
    public const string GoodHeader =
        """{"__metadata__":{"format":"pt"},"a":{"dtype":"F32","shape":[2,2],"data_offsets":[0,16]},"b":{"dtype":"BF16","shape":[2],"data_offsets":[16,20]}}""";

    public static byte[] File(byte[] header, byte[] data, ulong? claimedLength = null)
    {
        byte[] file = new byte[8 + header.Length + data.Length];
        BinaryPrimitives.WriteUInt64LittleEndian(file, claimedLength ?? (ulong)header.Length);
        header.CopyTo(file, 8);
        data.CopyTo(file, 8 + header.Length);
        return file;
    }

    public static byte[] File(string header, int dataBytes, ulong? claimedLength = null) =>
        File(Encoding.UTF8.GetBytes(header), new byte[dataBytes], claimedLength);
}
