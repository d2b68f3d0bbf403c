using NativeFl.Cli.Flags;
using NativeFl.Reports;
using NativeFl.Tensors;

namespace NativeFl.Cli;

/// <summary>One run of one verb: its flags, where it prints, the device it opens.</summary>
internal sealed class VerbRun(Verb verb, FlagValues flags, VerbConsole console, CancellationToken cancellation) : IDisposable
{
    private Backend? _backend;
    private bool _isAnnounced;

    /// <summary>What runs.</summary>
    public Verb Verb { get; } = verb;

    /// <summary>The flags in effect.</summary>
    public FlagValues Flags { get; } = flags;

    /// <summary>Where it prints.</summary>
    public VerbConsole Console { get; } = console;

    /// <summary>Set by Ctrl-C; polled between steps.</summary>
    public CancellationToken Cancellation { get; } = cancellation;

    /// <summary>When the run began, and how long it has taken.</summary>
    public RunClock Clock { get; } = new();

    /// <summary>The seed of everything random.</summary>
    public ulong Seed => Get(SharedFlags.Seed);

    /// <summary>Whether stdout is for one JSON object.</summary>
    public bool IsJson => Get(SharedFlags.Json);

    /// <summary>Whether a progress bar may be drawn.</summary>
    public bool ShowsProgress => Console.IsErrorTerminal && !Get(SharedFlags.Quiet);

    /// <summary>The device to plan by, opened at the first use. Nothing is said of it yet: inputs may still prove wrong, which takes one line.</summary>
    public Backend Device
    {
        get
        {
            if (_backend is null)
            {
                _backend = DeviceChoice.Open(Flags, out string noCuda);
                NoCuda = noCuda;
            }

            return _backend;
        }
    }

    /// <summary>The device to work on, which stderr names at the first use; from then on the inputs are taken to be valid.</summary>
    public Backend Backend
    {
        get
        {
            Backend device = Device;
            if (!_isAnnounced)
            {
                _isAnnounced = true;
                Note(NoCuda.Length > 0 ? $"{NoCuda}; {device.DeviceName}" : device.DeviceName);
            }

            return device;
        }
    }

    /// <summary>Why --device auto did not become CUDA, once <see cref="Device"/> is open; empty where it was not tried or is.</summary>
    public string NoCuda { get; private set; } = "";

    /// <summary>The value of a flag.</summary>
    public T Get<T>(Flag<T> flag) => Flags.Get(flag);

    /// <summary>A line of the result for a person: on stdout, unless stdout is for JSON.</summary>
    public void Print(string line)
    {
        if (!IsJson) Console.Out.WriteLine(line);
    }

    /// <summary>A table of the result for a person, in columns of equal width.</summary>
    public void Print(ReportTable table)
    {
        IReadOnlyList<string>[] lines = [table.Columns, .. table.Rows];
        int[] widths = [.. table.Columns.Select((_, c) => lines.Max(line => line[c].Length))];
        foreach (IReadOnlyList<string> line in lines) Print(string.Join("  ", line.Select((cell, c) => cell.PadLeft(widths[c]))));
    }

    /// <summary>A line on how it goes: on stderr, unless --quiet.</summary>
    public void Note(string line)
    {
        if (!Get(SharedFlags.Quiet)) Console.Error.WriteLine(line);
    }

    /// <summary>A line that must be seen, whatever was asked for.</summary>
    public void Warn(string line) => Console.Error.WriteLine("warning: " + line);

    /// <inheritdoc/>
    public void Dispose() => _backend?.Dispose();
}
