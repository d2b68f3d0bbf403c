using System.Diagnostics;
using System.Globalization;

namespace NativeFl.Cli;

/// <summary>When a run began and how long it has taken.</summary>
internal sealed class RunClock
{
    private readonly long _start = Stopwatch.GetTimestamp();
    private readonly DateTime _startedAt = DateTime.UtcNow;

    /// <summary>The start in UTC, as ISO 8601.</summary>
    public string StartedAt => _startedAt.ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture);

    /// <summary>Seconds since.</summary>
    public double Seconds => Math.Round(Stopwatch.GetElapsedTime(_start).TotalSeconds, 3);
}
