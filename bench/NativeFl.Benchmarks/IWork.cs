namespace NativeFl.Benchmarks;

/// <summary>A parameter that knows how much there is to compute.</summary>
public interface IWork
{
    /// <summary>Floating-point operations.</summary>
    double Operations { get; }
}
