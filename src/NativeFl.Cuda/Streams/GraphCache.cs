using NativeFl.Cuda.Interop;

namespace NativeFl.Cuda.Streams;

/// <summary>
/// The last few sequences of commands. One that comes a second time is made a graph: making one costs more than issuing the commands
/// once, and many a step never comes again.
/// </summary>
internal sealed class GraphCache : IDisposable
{
    private const int Capacity = 16;

    // The most recently used one comes last.
    private readonly List<Entry> _entries = [];

    /// <summary>How many graphs there are.</summary>
    public int Graphs => _entries.Count(entry => entry.Graph is not null);

    /// <summary>The graph of these commands: made by <paramref name="make"/> when they come for the second time, null at the first.</summary>
    public GraphHandle? Find(CommandList commands, Func<GraphHandle> make)
    {
        int index = _entries.FindIndex(entry => entry.Commands.Matches(commands));
        if (index < 0)
        {
            if (_entries.Count == Capacity)
            {
                _entries[0].Graph?.Dispose();
                _entries.RemoveAt(0);
            }
            _entries.Add(new Entry(commands.Copy()));
            return null;
        }
        Entry found = _entries[index];
        _entries.RemoveAt(index);
        _entries.Add(found);
        return found.Graph ??= make();
    }

    public void Dispose()
    {
        foreach (Entry entry in _entries) entry.Graph?.Dispose();
        _entries.Clear();
    }

    private sealed class Entry(CommandList commands)
    {
        public CommandList Commands { get; } = commands;

        public GraphHandle? Graph { get; set; }
    }
}
