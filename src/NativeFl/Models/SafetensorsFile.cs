using System.Buffers.Binary;
using System.IO.MemoryMappedFiles;
using System.Runtime.InteropServices;
using NativeFl.Tensors;
using static System.FormattableString;

namespace NativeFl.Models;

/// <summary>
/// A safetensors file, memory-mapped. <see cref="Open"/> checks the whole header against the real length of the file, so that nothing
/// that is read afterwards can lie outside it. The file must not be shortened while it is open. Reading is thread-safe.
/// </summary>
public sealed unsafe class SafetensorsFile : IDisposable
{
    private readonly MemoryMappedFile _file;
    private readonly MemoryMappedViewAccessor _view;
    private readonly byte* _data;
    private bool _disposed;

    private SafetensorsFile(string path, FileStream stream)
    {
        Path = path;
        long length = stream.Length;
        int headerBytes = HeaderLength(path, stream);
        _file = MemoryMappedFile.CreateFromFile(stream, null, 0, MemoryMappedFileAccess.Read, HandleInheritability.None, leaveOpen: true);
        _view = _file.CreateViewAccessor(0, length, MemoryMappedFileAccess.Read);
        bool valid = false;
        try
        {
            byte* start = null;
            _view.SafeMemoryMappedViewHandle.AcquirePointer(ref start);
            start += _view.PointerOffset + SafetensorsHeader.Prefix;
            _data = start + headerBytes;
            long dataBytes = length - SafetensorsHeader.Prefix - headerBytes;
            ReadOnlySpan<byte> header = new(start, headerBytes);
            Entries = SafetensorsHeader.Parse(header, dataBytes, path, out Dictionary<string, string> metadata);
            Metadata = metadata;
            valid = true;
        }
        finally
        {
            if (!valid) Dispose();
        }
    }

    /// <summary>The file.</summary>
    public string Path { get; }

    /// <summary>Its tensors by name.</summary>
    public IReadOnlyDictionary<string, SafetensorsEntry> Entries { get; }

    /// <summary>Its __metadata__, empty if there is none.</summary>
    public IReadOnlyDictionary<string, string> Metadata { get; }

    /// <summary>Opens and checks a file.</summary>
    /// <exception cref="InvalidInputException">The file is missing, unreadable or not a valid safetensors file.</exception>
    public static SafetensorsFile Open(string path)
    {
        if (!File.Exists(path)) throw new InvalidInputException(path, "a safetensors file", "no such file");
        try
        {
            using FileStream stream = new(path, FileMode.Open, FileAccess.Read, FileShare.Read, bufferSize: 0);
            return new SafetensorsFile(path, stream);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new InvalidInputException(path, "a readable file", e.Message, e);
        }
    }

    /// <summary>Elements firstElement .. of a tensor of F32, BF16, F16 or F64, as f32.</summary>
    /// <exception cref="InvalidInputException">There is no such tensor, or it does not hold floating-point numbers.</exception>
    /// <exception cref="ArgumentOutOfRangeException">The tensor has fewer elements.</exception>
    public void Read(string name, long firstElement, Span<float> destination)
    {
        SafetensorsEntry entry = Entry(name);
        if (!SafetensorsHeader.IsFloat(entry.DType))
            throw new InvalidInputException($"{Path}: {JsonFile.Quote(name)}", "a dtype of F32, BF16, F16 or F64", entry.DType);
        int size = SafetensorsHeader.ElementSize(entry.DType);
        byte* source = Locate(entry, firstElement, destination.Length, size);

        // Tensors may start at any byte; the chunk gives the conversions aligned elements.
        const int Chunk = 2048;
        Span<double> chunk = stackalloc double[Chunk];
        for (int i = 0; i < destination.Length; i += Chunk)
        {
            Span<float> part = destination.Slice(i, Math.Min(Chunk, destination.Length - i));
            ReadOnlySpan<byte> bytes = new(source + ((long)i * size), part.Length * size);
            bytes.CopyTo(entry.DType == "F32" ? MemoryMarshal.AsBytes(part) : MemoryMarshal.AsBytes(chunk));
            if (entry.DType == "BF16") FloatConversion.WidenBF16(MemoryMarshal.Cast<double, ushort>(chunk)[..part.Length], part);
            else if (entry.DType == "F16") FloatConversion.WidenF16(MemoryMarshal.Cast<double, ushort>(chunk)[..part.Length], part);
            else if (entry.DType == "F64") FloatConversion.WidenF64(chunk[..part.Length], part);
        }
    }

    /// <summary>The first elements of a tensor of I64, I32 or U8.</summary>
    /// <exception cref="InvalidInputException">There is no such tensor, or it does not hold such integers.</exception>
    /// <exception cref="ArgumentOutOfRangeException">The tensor has fewer elements.</exception>
    public void ReadInt64(string name, Span<long> destination)
    {
        SafetensorsEntry entry = Entry(name);
        if (entry.DType is not ("I64" or "I32" or "U8"))
            throw new InvalidInputException($"{Path}: {JsonFile.Quote(name)}", "a dtype of I64, I32 or U8", entry.DType);
        int size = SafetensorsHeader.ElementSize(entry.DType);
        byte* source = Locate(entry, 0, destination.Length, size);
        for (int i = 0; i < destination.Length; i++)
        {
            ReadOnlySpan<byte> element = new(source + ((long)i * size), size);
            destination[i] = size switch
            {
                8 => BinaryPrimitives.ReadInt64LittleEndian(element),
                4 => BinaryPrimitives.ReadInt32LittleEndian(element),
                _ => element[0],
            };
        }
    }

    /// <summary>Bytes offset .. of a tensor, as they are in the file; valid until <see cref="Dispose"/>.</summary>
    /// <exception cref="InvalidInputException">There is no such tensor.</exception>
    /// <exception cref="ArgumentOutOfRangeException">The tensor has fewer bytes.</exception>
    public ReadOnlySpan<byte> Bytes(string name, long offset, int count) => new(Locate(Entry(name), offset, count, 1), count);

    /// <inheritdoc/>
    public void Dispose()
    {
        if (_disposed) return;
        _disposed = true;
        if (_data is not null) _view.SafeMemoryMappedViewHandle.ReleasePointer();
        _view.Dispose();
        _file.Dispose();
    }

    /// <summary>The entry of a tensor that has to be there.</summary>
    internal SafetensorsEntry Entry(string name) => Entries.TryGetValue(name, out SafetensorsEntry? entry)
        ? entry
        : throw new InvalidInputException($"{Path}: {JsonFile.Quote(name)}", "a tensor of that name", "no such tensor");

    private static int HeaderLength(string path, FileStream stream)
    {
        if (stream.Length < SafetensorsHeader.Prefix)
            throw new InvalidInputException(
                path, "a safetensors file, which starts with 8 bytes of header length", Invariant($"{stream.Length} bytes in all"));
        Span<byte> prefix = stackalloc byte[SafetensorsHeader.Prefix];
        stream.ReadExactly(prefix);
        ulong claimed = BinaryPrimitives.ReadUInt64LittleEndian(prefix);
        long most = Math.Min(SafetensorsHeader.MaxLength, stream.Length - SafetensorsHeader.Prefix);
        if (claimed == 0 || claimed > (ulong)most)
            throw new InvalidInputException(path, Invariant($"a safetensors header length from 1 to {most}"), Invariant($"{claimed}"));
        return (int)claimed;
    }

    private byte* Locate(SafetensorsEntry entry, long first, int count, int size)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        ArgumentOutOfRangeException.ThrowIfNegative(first);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(first, (entry.Bytes / size) - count);
        return _data + entry.Offset + (first * size);
    }
}
