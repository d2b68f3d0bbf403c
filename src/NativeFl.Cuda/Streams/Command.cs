using System.Runtime.InteropServices;

namespace NativeFl.Cuda.Streams;

/// <summary>
/// One piece of work of the device, as numbers: two sequences of commands do the same if these bytes and those of their arguments are
/// the same. Every field is eight bytes, so that nothing lies between them.
/// </summary>
[StructLayout(LayoutKind.Sequential)]
internal readonly record struct Command(
    CommandKind Kind, nint Target, long First, long Second, long Third, long Fourth, long ArgumentStart, long ArgumentBytes)
{
    /// <summary>A launch of a function; its argument block lies in the list.</summary>
    public static Command Launch(nint function, LaunchShape shape, long argumentStart, long argumentBytes) =>
        new(CommandKind.Launch, function, shape.X, (uint)shape.Y | ((long)shape.Z << 32), shape.Threads, shape.SharedBytes, argumentStart, argumentBytes);

    /// <summary>A copy within the device.</summary>
    public static Command Copy(nint source, nint destination, long bytes) => new(CommandKind.Copy, destination, source, bytes, 0, 0, 0, 0);

    /// <summary><paramref name="count"/> elements of one, two or four bytes, all the same.</summary>
    public static Command Fill(nint destination, uint value, int elementBytes, long count) =>
        new(CommandKind.Fill, destination, value, elementBytes, count, 0, 0, 0);

    /// <summary>A matrix product of the plan with this number.</summary>
    public static Command Product(int plan, nint a, nint b, nint c, bool accumulate) =>
        new(CommandKind.Product, plan, a, b, c, accumulate ? 1 : 0, 0, 0);
}
