using System.Diagnostics;
using System.Globalization;

namespace NativeFl.Cli;

/// <summary>One line on a terminal that is drawn again and again: how far, how fast, how long still. Off a terminal it draws nothing.</summary>
internal sealed class ProgressBar(VerbRun run, string what) : IDisposable
{
    private const int Cells = 24;
    private static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(200);

    private readonly bool _isOn = run.ShowsProgress;
    private readonly long _start = Stopwatch.GetTimestamp();
    private long _lastDrawn;
    private int _length;

    /// <summary>Shows <paramref name="done"/> of <paramref name="total"/>, with a rate of tokens and a closing remark.</summary>
    public void Report(long done, long total, long tokens, string remark)
    {
        if (!_isOn || (done < total && Stopwatch.GetElapsedTime(_lastDrawn) < Interval)) return;
        _lastDrawn = Stopwatch.GetTimestamp();
        double seconds = Math.Max(1e-3, Stopwatch.GetElapsedTime(_start).TotalSeconds);
        double fraction = total == 0 ? 1 : Math.Min(1, (double)done / total);
        var left = TimeSpan.FromSeconds(fraction == 0 ? 0 : seconds * (1 - fraction) / fraction);
        int full = (int)(fraction * Cells);
        Draw(string.Create(
            CultureInfo.InvariantCulture,
            $"{what} [{new string('#', full)}{new string('.', Cells - full)}] {done}/{total}  {tokens / seconds:0} tokens/s  {Clock(left)} left  {remark}"));
    }

    /// <summary>Wipes the line, so that what follows starts clean.</summary>
    public void Dispose()
    {
        if (_length > 0) run.Console.Error.Write("\r" + new string(' ', _length) + "\r");
    }

    private static string Clock(TimeSpan time) => time.TotalHours >= 1
        ? time.ToString(@"h\:mm\:ss", CultureInfo.InvariantCulture)
        : time.ToString(@"m\:ss", CultureInfo.InvariantCulture);

    private void Draw(string line)
    {
        run.Console.Error.Write("\r" + line.PadRight(_length));
        _length = line.Length;
    }
}
