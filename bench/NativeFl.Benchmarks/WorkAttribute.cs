namespace NativeFl.Benchmarks;

/// <summary>What one call of a benchmark computes.</summary>
/// <param name="operations">Floating-point operations; where a parameter is an <see cref="IWork"/>, how often its operations.</param>
[AttributeUsage(AttributeTargets.Method)]
public sealed class WorkAttribute(double operations) : Attribute
{
    public double Operations { get; } = operations;
}
