namespace NativeFl.Benchmarks.Gpu;

/// <summary>What one call of a benchmark must move through the device's memory: each input read once, each output written once.</summary>
/// <param name="bytesPerElement">Of the elements that the benchmark's parameter counts.</param>
[AttributeUsage(AttributeTargets.Method)]
public sealed class TrafficAttribute(double bytesPerElement) : Attribute
{
    public double BytesPerElement { get; } = bytesPerElement;
}
