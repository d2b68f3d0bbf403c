using System.Runtime.InteropServices;

namespace NativeFl.Cuda.Interop;

/// <summary>Texts as C wants a list of them: zero-terminated, with an array of pointers. They lie in native memory until disposed.</summary>
internal sealed unsafe class Utf8Array : IDisposable
{
    private byte** _pointers;

    public Utf8Array(IReadOnlyList<byte[]> texts)
    {
        Count = texts.Count;
        _pointers = (byte**)NativeMemory.AllocZeroed((nuint)Math.Max(1, texts.Count), (nuint)sizeof(byte*));
        for (int i = 0; i < texts.Count; i++)
        {
            _pointers[i] = (byte*)NativeMemory.Alloc((nuint)texts[i].Length + 1);
            texts[i].CopyTo(new Span<byte>(_pointers[i], texts[i].Length));
            _pointers[i][texts[i].Length] = 0;
        }
    }

    /// <summary>How many.</summary>
    public int Count { get; }

    /// <summary>The first of <see cref="Count"/> pointers.</summary>
    public byte** Pointers => _pointers;

    public void Dispose()
    {
        if (_pointers == null) return;
        for (int i = 0; i < Count; i++) NativeMemory.Free(_pointers[i]);
        NativeMemory.Free(_pointers);
        _pointers = null;
    }
}
