using NativeFl.Tensors;

namespace NativeFl.Data;

/// <summary>Splits a stream of bytes into lines without ever holding more than one line and one buffer.</summary>
internal sealed class LineReader(Stream stream, string file, int longestLine)
{
    private byte[] _buffer = new byte[1 << 16];
    private int _start;
    private int _end;
    private bool _finished;

    /// <summary>The number of lines given out.</summary>
    public int Line { get; private set; }

    /// <summary>The next line without its line end, valid until the next call; false at the end of the stream.</summary>
    public bool TryRead(out ReadOnlySpan<byte> line)
    {
        int searched = 0;
        while (true)
        {
            Span<byte> ahead = _buffer.AsSpan(_start, _end - _start);
            int newline = ahead[searched..].IndexOf((byte)'\n');
            if (newline >= 0)
            {
                line = ahead[..(searched + newline)];
                _start += searched + newline + 1;
                Line++;
                if (line.Length > 0 && line[^1] == '\r') line = line[..^1];
                return true;
            }

            searched = ahead.Length;
            if (_finished)
            {
                line = ahead;
                _start = _end;
                if (line.Length == 0) return false;
                Line++;
                return true;
            }

            if (searched > longestLine)
                throw new InvalidInputException($"{file}:{Line + 1}", $"a line of at most {longestLine >> 20} MiB", "a longer one");
            Fill();
        }
    }

    private void Fill()
    {
        int held = _end - _start;
        if (_start > 0)
        {
            _buffer.AsSpan(_start, held).CopyTo(_buffer);
            (_start, _end) = (0, held);
        }

        if (_end == _buffer.Length) Array.Resize(ref _buffer, _buffer.Length * 2);
        int read = stream.Read(_buffer, _end, _buffer.Length - _end);
        _end += read;
        _finished = read == 0;
    }
}
