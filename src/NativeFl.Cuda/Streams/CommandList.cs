using System.Runtime.InteropServices;

namespace NativeFl.Cuda.Streams;

/// <summary>Commands in order, with the argument blocks of their launches.</summary>
internal sealed class CommandList
{
    private const int Alignment = 16;

    private readonly List<Command> _commands = [];
    private readonly List<byte> _arguments = [];

    /// <summary>The commands.</summary>
    public ReadOnlySpan<Command> Commands => CollectionsMarshal.AsSpan(_commands);

    /// <summary>The argument block of a launch.</summary>
    public ReadOnlySpan<byte> Arguments(in Command command) =>
        CollectionsMarshal.AsSpan(_arguments).Slice((int)command.ArgumentStart, (int)command.ArgumentBytes);

    /// <summary>Appends a command that has no arguments besides its own numbers.</summary>
    public void Add(Command command) => _commands.Add(command);

    /// <summary>Appends a launch.</summary>
    public void AddLaunch(nint function, LaunchShape shape, ReadOnlySpan<byte> arguments)
    {
        int start = _arguments.Count;
        _arguments.AddRange(arguments);
        while (_arguments.Count % Alignment != 0) _arguments.Add(0);
        _commands.Add(Command.Launch(function, shape, start, arguments.Length));
    }

    /// <summary>Forgets everything.</summary>
    public void Clear()
    {
        _commands.Clear();
        _arguments.Clear();
    }

    /// <summary>A copy to keep.</summary>
    public CommandList Copy()
    {
        var copy = new CommandList();
        copy._commands.AddRange(_commands);
        copy._arguments.AddRange(_arguments);
        return copy;
    }

    /// <summary>True if both do the same, byte for byte.</summary>
    public bool Matches(CommandList other) =>
        MemoryMarshal.AsBytes(Commands).SequenceEqual(MemoryMarshal.AsBytes(other.Commands))
        && CollectionsMarshal.AsSpan(_arguments).SequenceEqual(CollectionsMarshal.AsSpan(other._arguments));
}
