using System.Globalization;
using System.Runtime.InteropServices;

namespace NativeFl.Tensors;

/// <summary>
/// FNV-1a, 64 bits (Fowler, Noll and Vo), over values one after another: tells whether two runs read the same. It guards against mistakes,
/// not against forgery.
/// </summary>
public sealed class ContentHash
{
    private const ulong Basis = 0xCBF29CE484222325, Prime = 0x100000001B3;

    private ulong _value = Basis;

    /// <summary>Adds the bytes of values, as this machine keeps them.</summary>
    public void Add<T>(ReadOnlySpan<T> values)
        where T : unmanaged
    {
        ulong value = _value;
        foreach (byte b in MemoryMarshal.AsBytes(values)) value = (value ^ b) * Prime;
        _value = value;
    }

    /// <summary>Adds a whole number, such as the length of what follows.</summary>
    public void Add(long number) => Add<long>([number]);

    /// <summary>Adds a text and its length.</summary>
    public void Add(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        Add((long)text.Length);
        Add<char>(text);
    }

    /// <summary>The hash of what was added so far: 16 hexadecimal digits.</summary>
    public override string ToString() => _value.ToString("x16", CultureInfo.InvariantCulture);
}
