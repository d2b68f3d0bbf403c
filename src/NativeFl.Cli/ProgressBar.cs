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

    /// <summary>How much of what is done was done by an earlier run: it took none of this one's time.</summary>
    public long From { get; set; }

    /// <summary>Shows <paramref name="done"/> of <paramref name="total"/>, with a rate of tokens (if any were counted) and a closing remark.</summary>
    public void Report(long done, long total, long tokens, string remark)
    {
        if (!_isOn || (done < total && Stopwatch.GetElapsedTime(_lastDrawn) < Interval)) return;
        _lastDrawn = Stopwatch.GetTimestamp();
        double seconds = Math.Max(1e-3, Stopwatch.GetElapsedTime(_start).TotalSeconds);
        double fraction = total == 0 ? 1 : Math.Min(1, (double)done / total);
        var left = Left(seconds, done, total, From);
        int full = (int)(fraction * Cells);
        string rate = tokens == 0 ? "" : string.Create(CultureInfo.InvariantCulture, $"{tokens / seconds:0} tokens/s  ");
        Draw(string.Create(
            CultureInfo.InvariantCulture,
            $"{what} [{new string('#', full)}{new string('.', Cells - full)}] {done}/{total}  {rate}{Figures.Duration(left)} left  {remark}"));
    }

    /// <summary>How long the rest takes if it goes on as it went since <paramref name="from"/>.</summary>
    internal static TimeSpan Left(double seconds, long done, long total, long from) =>
        TimeSpan.FromSeconds(done <= from ? 0 : seconds * Math.Max(0, total - done) / (done - from));

    /// <summary>Wipes the line, so that what follows starts clean.</summary>
    public void Wipe()
    {
        if (_length > 0) run.Console.Error.Write("\r" + new string(' ', _length) + "\r");
        _length = 0;
    }

    /// <inheritdoc/>
    public void Dispose() => Wipe();

    private void Draw(string line)
    {
        run.Console.Error.Write("\r" + line.PadRight(_length));
        _length = line.Length;
    }
}
