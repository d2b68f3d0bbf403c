using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Text.Encodings.Web;
using System.Text.Json;
using NativeFl.Tensors;

namespace NativeFl.Models;

/// <summary>
/// Writes a safetensors file front to back: the header from the declared tensors, then their values in that order. The file appears
/// under its name on <see cref="Complete"/>; without it <see cref="Dispose"/> leaves nothing behind.
/// </summary>
public sealed class SafetensorsWriter : IDisposable
{
    private const int Chunk = 16384;

    private readonly string _path;
    private readonly string _temporary;
    private readonly FileStream _stream;
    private readonly IReadOnlyList<SafetensorsDeclaration> _tensors;
    private readonly byte[] _buffer = new byte[Chunk * sizeof(long)];
    private int _tensor = -1;
    private long _left;
    private bool _disposed;

    private SafetensorsWriter(string path, IReadOnlyList<SafetensorsDeclaration> tensors)
    {
        _path = path;
        _tensors = tensors;
        _temporary = AtomicFile.TemporarySibling(path);
        try
        {
            _stream = new FileStream(_temporary, FileMode.CreateNew, FileAccess.Write, FileShare.None);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw Failed(e);
        }
    }

    /// <summary>Starts a file.</summary>
    /// <param name="path">The file; one that is there is replaced on <see cref="Complete"/>.</param>
    /// <param name="tensors">What is going to be written, in that order. Names are unique.</param>
    /// <param name="metadata">Strings for the header's __metadata__, such as format = pt.</param>
    /// <exception cref="RunFailedException">The file cannot be made.</exception>
    /// <exception cref="ArgumentException">A name comes twice, a shape is negative or a type cannot be written.</exception>
    public static SafetensorsWriter Create(
        string path, IReadOnlyList<SafetensorsDeclaration> tensors, IReadOnlyDictionary<string, string>? metadata = null)
    {
        byte[] header = Header(tensors, metadata);
        SafetensorsWriter writer = new(path, tensors);
        bool started = false;
        try
        {
            Span<byte> length = stackalloc byte[SafetensorsHeader.Prefix];
            BinaryPrimitives.WriteInt64LittleEndian(length, header.Length);
            writer.Append(length);
            writer.Append(header);
            writer.Advance();
            started = true;
            return writer;
        }
        finally
        {
            if (!started) writer.Dispose();
        }
    }

    /// <summary>The next values of the tensor that is being written, converted to its type (round to nearest even).</summary>
    /// <exception cref="ArgumentException">The tensor has fewer values left, or holds integers.</exception>
    /// <exception cref="RunFailedException">The disk is full or fails.</exception>
    public void Write(ReadOnlySpan<float> values)
    {
        if (values.Length == 0) return;
        string type = Take(values.Length, isFloat: true);
        for (int i = 0; i < values.Length; i += Chunk)
        {
            ReadOnlySpan<float> part = values.Slice(i, Math.Min(Chunk, values.Length - i));
            Span<ushort> narrow = MemoryMarshal.Cast<byte, ushort>(_buffer.AsSpan())[..part.Length];
            if (type == "F32")
            {
                Append(MemoryMarshal.AsBytes(part));
                continue;
            }

            if (type == "BF16") FloatConversion.NarrowBF16(part, narrow);
            else FloatConversion.NarrowF16(part, narrow);
            Append(MemoryMarshal.AsBytes(narrow));
        }

        if (_left == 0) Advance();
    }

    /// <summary>The next values of a tensor of I64 or I32.</summary>
    /// <exception cref="ArgumentException">The tensor has fewer values left, or holds other numbers.</exception>
    /// <exception cref="OverflowException">A value does not fit I32.</exception>
    /// <exception cref="RunFailedException">The disk is full or fails.</exception>
    public void WriteInt64(ReadOnlySpan<long> values)
    {
        if (values.Length == 0) return;
        string type = Take(values.Length, isFloat: false);
        for (int i = 0; i < values.Length; i += Chunk)
        {
            ReadOnlySpan<long> part = values.Slice(i, Math.Min(Chunk, values.Length - i));
            if (type == "I64")
            {
                Append(MemoryMarshal.AsBytes(part));
                continue;
            }

            Span<int> narrow = MemoryMarshal.Cast<byte, int>(_buffer.AsSpan())[..part.Length];
            for (int k = 0; k < part.Length; k++) narrow[k] = checked((int)part[k]);
            Append(MemoryMarshal.AsBytes(narrow));
        }

        if (_left == 0) Advance();
    }

    /// <summary>Flushes the file to disk and gives it its name.</summary>
    /// <exception cref="InvalidOperationException">Not every declared value was written.</exception>
    /// <exception cref="RunFailedException">The disk is full or fails.</exception>
    public void Complete()
    {
        if (_tensor < _tensors.Count) throw new InvalidOperationException($"{_tensors[_tensor].Name} still lacks {_left} values");
        try
        {
            _stream.Flush(flushToDisk: true);
            _stream.Dispose();
            File.Move(_temporary, _path, overwrite: true);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw Failed(e);
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        if (_disposed) return;
        _disposed = true;
        try
        {
            _stream.Dispose();
        }
        catch (IOException)
        {
            // Only what was not completed is still buffered here, and that is thrown away.
        }

        AtomicFile.Remove(_temporary);
    }

    private static byte[] Header(IReadOnlyList<SafetensorsDeclaration> tensors, IReadOnlyDictionary<string, string>? metadata)
    {
        using MemoryStream header = new();
        JsonWriterOptions options = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };
        using (Utf8JsonWriter json = new(header, options))
        {
            json.WriteStartObject();
            if (metadata is { Count: > 0 })
            {
                json.WriteStartObject("__metadata__");
                foreach ((string key, string value) in metadata) json.WriteString(key, value);
                json.WriteEndObject();
            }

            long offset = 0;
            HashSet<string> names = ["__metadata__"];
            foreach (SafetensorsDeclaration tensor in tensors)
            {
                if (!names.Add(tensor.Name)) throw new ArgumentException($"{tensor.Name} twice", nameof(tensors));
                long end = checked(offset + Bytes(tensor));
                WriteEntry(json, tensor, offset, end);
                offset = end;
            }

            json.WriteEndObject();
        }

        // Spaces up to the next multiple of eight, so that the data starts aligned.
        while (header.Length % SafetensorsHeader.Prefix != 0) header.WriteByte((byte)' ');
        if (header.Length > SafetensorsHeader.MaxLength)
            throw new ArgumentException("the header would be longer than the format allows", nameof(tensors));
        return header.ToArray();
    }

    private static void WriteEntry(Utf8JsonWriter json, SafetensorsDeclaration tensor, long begin, long end)
    {
        json.WriteStartObject(tensor.Name);
        json.WriteString("dtype", tensor.DType);
        json.WriteStartArray("shape");
        foreach (long extent in tensor.Shape) json.WriteNumberValue(extent);
        json.WriteEndArray();
        json.WriteStartArray("data_offsets");
        json.WriteNumberValue(begin);
        json.WriteNumberValue(end);
        json.WriteEndArray();
        json.WriteEndObject();
    }

    private static long Count(SafetensorsDeclaration tensor) => Array.TrueForAll(tensor.Shape, extent => extent >= 0)
        ? SafetensorsHeader.Count(tensor.Shape) ?? throw new ArgumentException($"{tensor.Name}: too large", nameof(tensor))
        : throw new ArgumentException($"{tensor.Name}: negative extent", nameof(tensor));

    private static long Bytes(SafetensorsDeclaration tensor) => tensor.DType is "F32" or "BF16" or "F16" or "I64" or "I32"
        ? checked(Count(tensor) * SafetensorsHeader.ElementSize(tensor.DType))
        : throw new ArgumentException($"{tensor.Name}: {tensor.DType} cannot be written", nameof(tensor));

    private string Take(int count, bool isFloat)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        if (_tensor >= _tensors.Count) throw new ArgumentException("every declared tensor is already written");
        (string name, string type, _) = _tensors[_tensor];
        if (SafetensorsHeader.IsFloat(type) != isFloat) throw new ArgumentException($"{name} holds values of {type}");
        if (count > _left) throw new ArgumentException($"{name} takes {_left} more values, not {count}");
        _left -= count;
        return type;
    }

    // To the next tensor that has values.
    private void Advance()
    {
        while (_left == 0 && ++_tensor < _tensors.Count) _left = Count(_tensors[_tensor]);
    }

    private void Append(ReadOnlySpan<byte> bytes)
    {
        try
        {
            _stream.Write(bytes);
        }
        catch (IOException e)
        {
            throw Failed(e);
        }
    }

    private RunFailedException Failed(Exception e) => new($"{_path}: could not be written: {e.Message}", e);
}
