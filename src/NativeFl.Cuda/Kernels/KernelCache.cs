using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;

namespace NativeFl.Cuda.Kernels;

/// <summary>
/// Compiled kernels kept on disk. An entry is one file: magic, key, length, SHA-256 of the image, image. The key covers everything the
/// image depends on. An entry is written beside its place and renamed into it, so that two processes cannot disturb each other, and is
/// verified when read; whatever is wrong with it, it counts as absent. A folder that cannot be read or written is an empty cache.
/// </summary>
internal sealed class KernelCache(string folder)
{
    private const int KeyBytes = 32, HeaderBytes = 8 + KeyBytes + 8 + 32;

    private static ReadOnlySpan<byte> Magic => "NFLKERN1"u8;

    /// <summary>SHA-256 of the source, the headers, the options, the compiler's version and the target.</summary>
    public static byte[] Key(KernelSource source, IReadOnlyList<KernelSource> headers, IReadOnlyList<string> options, string compiler, string target)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        byte[] length = new byte[8];
        foreach (byte[] part in headers.Prepend(source).SelectMany(file => new[] { Encoding.UTF8.GetBytes(file.Path), file.Text })
            .Concat(options.Append(compiler).Append(target).Select(Encoding.UTF8.GetBytes)))
        {
            BinaryPrimitives.WriteInt64LittleEndian(length, part.Length);
            hash.AppendData(length);
            hash.AppendData(part);
        }
        return hash.GetHashAndReset();
    }

    /// <summary>The image under a key, or null.</summary>
    public byte[]? Read(string name, byte[] key)
    {
        if (folder.Length == 0) return null;
        try
        {
            byte[] file = File.ReadAllBytes(Entry(name, key));
            return Verify(file, key) ? file[HeaderBytes..] : null;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or NotSupportedException or ArgumentException)
        {
            return null;
        }
    }

    /// <summary>Keeps an image if that can be done.</summary>
    public void Write(string name, byte[] key, byte[] image)
    {
        if (folder.Length == 0) return;
        string entry = Entry(name, key), temporary = $"{entry}.{Environment.ProcessId}-{Guid.NewGuid():N}.tmp";
        try
        {
            Directory.CreateDirectory(folder);
            using (FileStream file = File.Create(temporary))
            {
                file.Write(Header(key, image));
                file.Write(image);
                file.Flush(flushToDisk: true);
            }
            File.Move(temporary, entry, overwrite: true);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or NotSupportedException or ArgumentException)
        {
            Remove(temporary);
        }
    }

    private static byte[] Header(byte[] key, byte[] image)
    {
        byte[] header = new byte[HeaderBytes];
        Magic.CopyTo(header);
        key.CopyTo(header, 8);
        BinaryPrimitives.WriteInt64LittleEndian(header.AsSpan(8 + KeyBytes), image.Length);
        SHA256.HashData(image, header.AsSpan(16 + KeyBytes));
        return header;
    }

    private static bool Verify(byte[] file, byte[] key) =>
        file.Length > HeaderBytes && file.AsSpan(0, HeaderBytes).SequenceEqual(Header(key, file[HeaderBytes..]));

    private static void Remove(string file)
    {
        try
        {
            File.Delete(file);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or NotSupportedException or ArgumentException)
        {
            // What could not be written cannot always be removed; the name says that it is temporary.
        }
    }

    private string Entry(string name, byte[] key) => Path.Combine(folder, $"{name}.{Convert.ToHexStringLower(key.AsSpan(0, 8))}.kernel");
}
